// Records the results of robfig/cron v3.0.1, asynq's parser, for cron specs: the next five times after an instant, or
// the error. Run it with `go run . > ../golden/cron.json`; the tests of our own cron compare with the file.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

const timesPerSpec = 5

type recording struct {
	Spec     string   `json:"spec"`
	Seconds  bool     `json:"seconds,omitempty"` // parsed with the optional field of seconds
	Location string   `json:"location"`
	From     string   `json:"from"`
	Next     []string `json:"next,omitempty"` // in UTC; shorter when the spec fires no more
	Error    string   `json:"error,omitempty"`
}

var withSeconds = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

func main() {
	var all []recording
	record := func(seconds bool, location, from string, specs ...string) {
		for _, spec := range specs {
			all = append(all, next(spec, seconds, location, from))
		}
	}

	record(false, "UTC", "2024-02-28T22:58:31Z", plainSpecs...)
	record(false, "UTC", "2024-02-28T22:58:31Z", zonedSpecs...)
	record(false, "UTC", "2024-02-28T22:58:31Z", wrongSpecs...)
	record(true, "UTC", "2024-12-31T23:59:58Z", secondsSpecs...)
	for _, change := range clockChanges {
		record(false, change.location, change.from, changeSpecs...)
	}
	// Here the clocks change at midnight, or by half an hour.
	record(false, "America/Sao_Paulo", "2018-11-03T12:00:00Z", "0 0 * * *", "30 0 * * *", "0 1 * * *", "@daily")
	record(false, "America/Sao_Paulo", "2019-02-16T12:00:00Z", "0 0 * * *", "30 23 * * *", "0 * * * *")
	record(false, "Asia/Beirut", "2022-03-26T12:00:00Z", "0 0 * * *", "30 0 * * *", "0 1 * * *")
	record(false, "Asia/Beirut", "2022-10-29T12:00:00Z", "30 23 * * *", "0 0 * * *")
	record(false, "Australia/Lord_Howe", "2024-10-05T12:00:00Z", "15 2 * * *", "45 2 * * *", "0 3 * * *", "*/15 * * * *")
	record(false, "Australia/Lord_Howe", "2024-04-06T13:50:00Z", "45 1 * * *", "15 2 * * *", "*/15 * * * *")

	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	fmt.Println("[")
	for i, one := range all {
		if i > 0 {
			fmt.Print(",")
		}
		if err := out.Encode(one); err != nil {
			panic(err)
		}
	}
	fmt.Println("]")
}

func next(spec string, seconds bool, location, from string) recording {
	one := recording{Spec: spec, Seconds: seconds, Location: location, From: from}
	parse := cron.ParseStandard
	if seconds {
		parse = withSeconds.Parse
	}
	schedule, err := parse(spec)
	if err != nil {
		one.Error = err.Error()
		return one
	}
	zone, err := time.LoadLocation(location)
	if err != nil {
		panic(err)
	}
	at, err := time.Parse(time.RFC3339, from)
	if err != nil {
		panic(err)
	}
	one.Next = []string{}
	for at = at.In(zone); len(one.Next) < timesPerSpec; {
		at = schedule.Next(at)
		if at.IsZero() {
			break
		}
		one.Next = append(one.Next, at.UTC().Format(time.RFC3339))
	}
	return one
}

var plainSpecs = []string{
	"* * * * *", "*/5 * * * *", "0 0 * * *", "30 3-6,20-23 * * *", "0 0 1 1 *", "0 0 29 2 *", "0 0 30 2 *",
	"0 0 13 * 5", "0 0 * * 0", "0 0 * * SUN", "0 0 * * mon-fri", "0 0 1-7 * 1", "0 0 */2 * 1", "0 0 */2 * *",
	"0 12 1 jan,JUL *", "5/15 * * * *", "1-10/3 * * * *", "? ? * * *", "0 0 ? * *", "1,2,,3 * * * *", ", * * * *",
	"0 0 * * 1,0", "0 0 31 * *", "0 0 31 4,6 *", "0 0 31 1-6/2 *", "  */5   *  * * * ", "\t0\t0 * *\t*", "*/90 * * * *",
	"59 23 31 12 *", "0 0 29 2 1", "0 0 1 * */2", "0 0 */1 * 3", "0 0 1 * ?/1", "0 0 ? * ?", "00 09 * * *", "+5 * * * *",
	"0-0 * * * *", "*,5 * * * *", "0 0 1,* * 5", "0 0 10-20/5,31 feb-apr tue-thu/2", "0 22/4 * * *", "*-5 * * * *",
	"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly",
	"@every 30s", "@every 1h30m", "@every 500ms", "@every 1.5s", "@every 0s", "@every -1m", "@every +90s", "@every 1µs", "@every 1h2m3s4ms",
}

var zonedSpecs = []string{
	"CRON_TZ=Asia/Tokyo 0 6 * * *", "TZ=America/New_York 30 2 * * *", "CRON_TZ=Europe/Berlin @daily",
	"TZ= 0 6 * * *", "TZ=UTC @every 1m", "TZ=Asia/Kathmandu 0 0 * * *", "CRON_TZ=Pacific/Apia   0 0 1 * *",
	"CRON_TZ=EST 0 6 * * *", "CRON_TZ=MET 0 6 * * *", "CRON_TZ=PRC 0 6 * * *",
}

var wrongSpecs = []string{
	"", " ", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "0 0 * * 7",
	"a * * * *", "*/0 * * * *", "5-1 * * * *", "-1 * * * *", "*/5/2 * * * *", "1-2-3 * * * *", "* * * * * ?", "0 0 L * *",
	"0 0 * * 5#2", "*/-1 * * * *", "*/ * * * *", "1- * * * *", "*-5-6 * * * *", "1.5 * * * *", "0 0 * january *", "0 0 * * sunday",
	"0 mon * * *", "@reboot", "@Daily", "@daily ", " @daily", "@every", "@every abc", "@every 1d", "@every ", "@every 1", "@every  5s", "@every 5s ",
	"CRON_TZ=Nowhere/Land 0 0 * * *", "TZ=UTC ", "99999999999999999999 * * * *", "*/99999999999999999999 * * * *",
	"CRON_TZ=BST 0 6 * * *", "CRON_TZ=AST 0 6 * * *", "TZ=PST 0 6 * * *", "CRON_TZ=SystemV/PST8PDT 0 6 * * *",
}

var secondsSpecs = []string{
	"*/10 * * * * *", "30 59 23 31 12 *", "0 0 12 * * *", "15,45 * * * * ?", "* * * * *", "5-10/2 0 0 1 * *", "@hourly", "@every 10s",
	"60 * * * * *", "* * * *", "* * * * * * *", "TZ=Europe/Berlin 59 59 23 * * *",
}

// The evenings before the clocks change, in both directions.
var clockChanges = []struct{ location, from string }{
	{"America/New_York", "2024-03-10T04:50:00Z"},
	{"America/New_York", "2024-11-03T03:50:00Z"},
	{"Europe/Berlin", "2024-03-30T22:50:00Z"},
	{"Europe/Berlin", "2024-10-26T21:50:00Z"},
	{"Australia/Sydney", "2024-10-05T13:50:00Z"},
	{"Australia/Sydney", "2024-04-06T12:50:00Z"},
}

var changeSpecs = []string{
	"30 2 * * *", "30 1 * * *", "0 3 * * *", "0 2 * * *", "0 * * * *", "*/20 1-3 * * *", "0 0 * * *", "@every 45m",
}
