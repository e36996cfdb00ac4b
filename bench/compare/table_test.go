package main

import (
	"math"
	"testing"
)

const printed = `
sqlite (journal_mode=wal synchronous=2 connections=16)
callers × wallets   guide: read then update     update returning            one transaction by hand     coffer                    
1 × 1                  7166/s   1.37×   0% 300µs     5219/s   1.00×   0% 400µs     3485/s   0.67×   0% 600µs     100/s   0.53×   0% 1ms
256 × 16               4001/s   0.68×  32% 1.2ms     5918/s   1.00×   0% 91.1ms    2151/s   0.36×   0% 210ms   10000/s   5.16×   0% 17ms

postgres (server_version_num=150018 fsync=on connections=8)
callers × wallets   update returning            coffer                    
1 × 1                  5570/s   1.00×   0% 300µs     1864/s   0.33×   0% 1ms
`

func TestTheRatesOfCofferAreReadFromTheTables(t *testing.T) {
	all, err := allocation([]byte(printed))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].database != "sqlite" || all[1].database != "postgres" || len(all[0].each) != 2 || all[1].each[0] != 1864 {
		t.Fatalf("read %+v", all)
	}
	if mean := all[0].mean(); math.Abs(mean-1000) > 0.01 {
		t.Errorf("the mean of 100 and 10,000 is %g", mean)
	}
}

func TestATableWithoutCofferIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":          "",
		"no rows":          "sqlite (synchronous=2)\n",
		"another last one": "sqlite (synchronous=2)\ncallers × wallets   coffer   faster\n",
	} {
		if all, err := allocation([]byte(text)); err == nil {
			t.Errorf("%s: read as %+v", name, all)
		}
	}
}
