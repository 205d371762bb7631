package lint

import (
	"strings"

	"out_es/lint/migrate"
	"out_es/plugin/config"
)

// nearest is the known name with the fewest letters to change in a misspelled one (in lower case),
// "" if a third of them or more would change.
func nearest(name string) string {
	best, fewest := "", (max(len(name), 3)+2)/3
	for _, candidate := range names() {
		if d := distance(bare(name), bare(candidate)); d < fewest {
			best, fewest = candidate, d
		}
	}
	return best
}

// names are all that a section of es_go may have.
func names() []string {
	all := []string{"Name"}
	for _, o := range config.Options() {
		all = append(all, o.Name)
	}
	for _, rule := range migrate.Rules() {
		if rule.Step == migrate.Keep && rule.To == "" {
			all = append(all, capitals(rule.Option))
		}
	}
	return all
}

// capitals writes one of Fluent Bit's names as its documentation does: Retry_Limit,
// storage.total_limit_size.
func capitals(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	words := strings.Split(name, "_")
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "_")
}

// bare is a name without the parts that people leave out or confuse.
func bare(name string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(name))
}

// distance is how many letters must be added, removed, changed or swapped with their neighbour to
// make b of a.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			next[j] = min(next[j-1]+1, row[j]+1, row[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
