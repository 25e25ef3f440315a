package doctor

import (
	"strconv"
	"strings"
)

// oldest is what Redis must be at least.
var oldest = [2]int{6, 2}

// Ran are the versions that the end-to-end tests were run on, with what they are
// called in INFO; docs/redis.md has the results.
func Ran() []string { return []string{"Redis 7.0", "Redis 8.0", "Valkey 8.0", "Valkey 8.1"} }

// serverOf is what a server is, and the first two numbers of its version. Valkey says
// that it is a Redis of 7.2 for those who ask for that alone.
func serverOf(info map[string]string) (name, version string) {
	name, version = "Redis", info["redis_version"]
	if v := info["valkey_version"]; v != "" || info["server_name"] == "valkey" {
		name, version = "Valkey", v
	}
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return name, version
	}
	return name, parts[0] + "." + parts[1]
}

func (e *examination) version(info map[string]string) {
	const check = "redis.version"
	name, version := serverOf(info)
	text := name + " " + version
	if name == "Redis" && older(version) {
		e.fail(check, "", text+" is older than 6.2, and has not the commands that are used", "upgrade Redis")
		return
	}
	for _, known := range Ran() {
		if text == known {
			e.ok(check, "", text)
			return
		}
	}
	e.warn(check, "", "the tests were never run on "+text, "they were run on "+strings.Join(Ran(), ", ")+": use one of those, or try a campaign against the sandbox on yours first")
}

func older(version string) bool {
	major, minor, _ := strings.Cut(version, ".")
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	if errA != nil || errB != nil {
		return false // it is said that it was never run
	}
	return a < oldest[0] || a == oldest[0] && b < oldest[1]
}
