package main

import (
	"runtime"
	"testing"
)

func TestIdleIsThatBetweenTwoLooks(t *testing.T) {
	if got := (cores{idle: 130, all: 300}).idleSince(cores{idle: 100, all: 200}); got != 30 {
		t.Errorf("%v %% idle", got)
	}
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc/stat")
	}
	now, err := readCores()
	if err != nil || now.idle <= 0 || now.idle > now.all {
		t.Errorf("%+v, %v", now, err)
	}
}
