package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sftoken/sftoken/internal/rest"
	"github.com/spf13/cobra"
)

type queryOptions struct {
	format  string
	all     bool
	version string
}

var queryFormats = []string{"table", "csv", "json", "ndjson"}

func newQueryCommand(env *Env) *cobra.Command {
	var o queryOptions
	cmd := &cobra.Command{
		Use:   "query [alias] soql",
		Short: "Run SOQL and print all records",
		Long: `Run SOQL and print all records, page after page. As CSV and NDJSON they are printed as they come, however many there are.
SOQL that is - comes from stdin.`,
		Example: `  sftoken query prod "SELECT Id, Name, Owner.Name FROM Account LIMIT 10"
  sftoken query prod "SELECT Id, Email FROM Contact" --format csv > contacts.csv
  sftoken query prod - --format ndjson < export.soql | jq -r .Name
  sftoken query prod "SELECT Id FROM Case WHERE IsDeleted = true" --all`,
		ValidArgsFunction: env.completeAliases,
		RunE: func(cmd *cobra.Command, args []string) error {
			alias, soql, err := aliasAnd(cmd, args, "SOQL")
			if err != nil {
				return err
			}
			if env.JSON && !cmd.Flags().Changed("format") {
				o.format = "json"
			}
			if _, known := recordWriters[o.format]; !known {
				return &usageError{id: "format-unknown", data: map[string]any{"format": o.format, "formats": joined(queryFormats)}, command: cmd.CommandPath()}
			}
			if err := checkVersion(cmd, o.version); err != nil {
				return err
			}
			if soql == "-" {
				text, err := env.readInput(soql)
				if err != nil {
					return err
				}
				soql = strings.TrimSpace(string(text))
			}
			return env.query(cmd.Context(), o, alias, soql)
		},
	}
	cmd.Flags().StringVar(&o.format, "format", "table", "table, csv, json (the whole answer) or ndjson (a record a line)")
	cmd.Flags().BoolVar(&o.all, "all", false, "deleted and archived records too (queryAll)")
	cmd.Flags().StringVar(&o.version, "api-version", "", "such as 66.0 (default the newest that the org has)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(queryFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (e *Env) query(ctx context.Context, o queryOptions, args []string, soql string) error {
	s, err := e.openSession(ctx, args)
	if err != nil {
		return err
	}
	defer s.Close()
	client, err := s.api(ctx, o.version)
	if err != nil {
		return err
	}
	resource := "query"
	if o.all {
		resource = "queryAll"
	}
	out := recordWriters[o.format](e, soql)
	for page, err := range client.Query(ctx, resource, soql) {
		if err == nil {
			err = out.page(page)
		}
		if err != nil {
			return err
		}
	}
	return out.end()
}

// recordWriter prints pages of records.
type recordWriter interface {
	page(*rest.Page) error
	end() error
}

var recordWriters = map[string]func(*Env, string) recordWriter{
	"json":   func(e *Env, _ string) recordWriter { return &allRecords{env: e} },
	"ndjson": func(e *Env, _ string) recordWriter { return &recordLines{e} },
	"csv": func(e *Env, soql string) recordWriter {
		columns, _ := rest.Columns(soql)
		return &csvRecords{rowsOf: rowsOf{columns: columns}, out: csv.NewWriter(e.Stdout)}
	},
	"table": func(e *Env, soql string) recordWriter {
		columns, _ := rest.Columns(soql)
		return &recordTable{rowsOf: rowsOf{columns: columns}, env: e}
	},
}

// queryAnswer is Salesforce's answer with the pages put together.
type queryAnswer struct {
	TotalSize int               `json:"totalSize"`
	Done      bool              `json:"done"`
	Records   []json.RawMessage `json:"records"`
}

type allRecords struct {
	env    *Env
	answer queryAnswer
}

func (w *allRecords) page(p *rest.Page) error {
	w.answer.TotalSize, w.answer.Done = p.TotalSize, p.Done
	w.answer.Records = append(w.answer.Records, p.Records...)
	return nil
}

func (w *allRecords) end() error {
	if w.answer.Records == nil {
		w.answer.Records = []json.RawMessage{}
	}
	return w.env.WriteJSON(w.answer)
}

type recordLines struct{ env *Env }

func (w *recordLines) page(p *rest.Page) error {
	var lines bytes.Buffer
	for _, record := range p.Records {
		if err := json.Compact(&lines, record); err != nil {
			return err
		}
		lines.WriteByte('\n')
	}
	_, err := lines.WriteTo(w.env.Stdout)
	return err
}

func (*recordLines) end() error { return nil }

// rowsOf lays records flat. Rows are kept while their columns are not known.
type rowsOf struct {
	columns []string
	rows    []*rest.Row
	count   int // COUNT() has a size and no records
}

func (r *rowsOf) add(p *rest.Page) error {
	r.count = p.TotalSize
	for _, record := range p.Records {
		row, err := rest.Flatten(record)
		if err != nil {
			return fmt.Errorf("read record: %w", err)
		}
		r.rows = append(r.rows, row)
	}
	return nil
}

// take returns the rows so far as cells.
func (r *rowsOf) take() [][]string {
	if r.columns == nil {
		r.columns = rest.ColumnsOf(r.rows)
	}
	cells := make([][]string, 0, len(r.rows))
	for _, row := range r.rows {
		line := make([]string, len(r.columns))
		for i, column := range r.columns {
			line[i] = row.Value(column)
		}
		cells = append(cells, line)
	}
	r.rows = nil
	return cells
}

type csvRecords struct {
	rowsOf
	out     *csv.Writer
	started bool
}

func (w *csvRecords) page(p *rest.Page) error {
	if err := w.add(p); err != nil || w.columns == nil {
		return err
	}
	return w.write()
}

func (w *csvRecords) write() error {
	cells := w.take()
	if !w.started && len(w.columns) > 0 {
		w.started = true
		if err := w.out.Write(w.columns); err != nil {
			return err
		}
	}
	return w.out.WriteAll(cells)
}

func (w *csvRecords) end() error { return w.write() }

type recordTable struct {
	rowsOf
	env *Env
}

func (w *recordTable) page(p *rest.Page) error { return w.add(p) }

func (w *recordTable) end() error {
	cells := w.take()
	if len(cells) == 0 {
		w.env.Say("query.none", map[string]any{"count": w.count})
		return nil
	}
	for _, line := range cells {
		for i, cell := range line {
			line[i] = strings.Map(visible, cell)
		}
	}
	_, err := fmt.Fprintln(w.env.Stdout, w.env.table(w.columns, cells))
	return err
}

// visible leaves out of a table what would break its lines or move the cursor: records hold what anybody wrote.
func visible(r rune) rune {
	if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' {
		return ' '
	}
	return r
}
