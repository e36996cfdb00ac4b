package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// rates are coffer's own figures on one database, one for each load.
type rates struct {
	database string
	each     []float64
}

// mean is the geometric one: a load that is twice as fast counts as much as one that is half as fast, whatever their sizes.
func (r rates) mean() float64 {
	sum := 0.0
	for _, x := range r.each {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(r.each)))
}

var (
	// heading is the line above a database's table: sqlite (synchronous=…).
	heading = regexp.MustCompile(`^(\w+) \(.*=`)
	// load is a row of it: 16 × 1, and then the ways' rates, coffer's the last.
	load = regexp.MustCompile(`^\d+ × \d+ .* (\d+)/s\s+[\d.]+×\s+\d+%\s+\S+\s*$`)
)

// allocation reads the tables that the allocation benchmark prints.
func allocation(text []byte) (all []rates, err error) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if m := heading.FindStringSubmatch(line); m != nil {
			all = append(all, rates{database: m[1]})
			continue
		}
		if strings.HasPrefix(line, "callers × wallets") && !strings.HasSuffix(strings.TrimSpace(line), "coffer") {
			return nil, fmt.Errorf("coffer is not the last column of %q", line)
		}
		m := load.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		x, err := strconv.ParseFloat(m[1], 64)
		if err != nil || x <= 0 || len(all) == 0 {
			return nil, fmt.Errorf("no rate of coffer in %q", line)
		}
		last := &all[len(all)-1]
		last.each = append(last.each, x)
	}
	for _, r := range all {
		if len(r.each) == 0 {
			return nil, fmt.Errorf("no rates of %s in what the benchmark prints:\n%s", r.database, text)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the benchmark prints no table:\n" + string(text))
	}
	return all, nil
}
