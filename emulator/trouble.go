package emulator

import (
	"net/http"
	"time"
)

// Trouble returns faults that spoil about percent of the token requests, in the ways that networks and busy servers do: a
// maintenance page, a refusal that asks to try again, a late answer, and an answer that is lost after it took effect. They fall
// by [Server.Seed].
func Trouble(percent float64) []Fault {
	kinds := []Fault{
		{Status: http.StatusServiceUnavailable, Header: http.Header{"Content-Type": {"text/html;charset=UTF-8"}}, Body: "<html><head><title>Down for maintenance</title></head></html>"},
		{Status: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}}, Body: `{"error":"unknown_error","error_description":"retry your request"}`},
		{Delay: 3 * time.Second},
		{AfterEffect: true, Cut: true},
	}
	for i := range kinds {
		kinds[i].Endpoint, kinds[i].Times, kinds[i].Percent = Token, -1, percent/float64(len(kinds))
	}
	return kinds
}
