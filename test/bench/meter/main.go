//go:build unix

// Command meter runs a command and prints, as JSON, how long it took and how much memory it had at its peak.
//
// It is a program of its own because Linux counts the memory of the process that starts another one into the peak of the
// one started: a small starter keeps that floor low.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

func main() {
	command := exec.Command(os.Args[1], os.Args[2:]...)
	command.Stderr = os.Stderr
	start := time.Now()
	err := command.Run()
	wall := time.Since(start)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	peak := command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss // bytes on macOS, KiB elsewhere
	if runtime.GOOS != "darwin" {
		peak *= 1024
	}
	fmt.Printf(`{"wall": %d, "peak": %d}`+"\n", wall, peak)
}
