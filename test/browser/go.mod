// Tests in a real browser, apart from the program's module: chromedp is theirs alone.
module github.com/sftoken/sftoken/test/browser

go 1.26.0

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.22.1
	github.com/creack/pty v1.1.24
	github.com/sftoken/sftoken v0.0.0
)

require (
	github.com/BurntSushi/toml v1.6.0 // indirect
	github.com/beevik/etree v1.7.0 // indirect
	github.com/go-jose/go-jose/v4 v4.1.8 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/jonboulle/clockwork v0.5.0 // indirect
	github.com/nicksnyder/go-i18n/v2 v2.7.0 // indirect
	github.com/russellhaering/goxmldsig v1.6.1 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/sftoken/sftoken => ../..
