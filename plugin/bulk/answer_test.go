package bulk_test

import (
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"out_es/plugin/bulk"
)

// said is an Item that outlives its callback.
type said struct {
	Status                     int
	Type, Reason, FailureStore string
	CauseType, Cause           string
}

func read(a *bulk.AnswerReader, body io.Reader) ([]said, error) {
	var all []said
	n, err := a.Read(body, func(i bulk.Item) {
		all = append(all, said{i.Status, string(i.Type), string(i.Reason), string(i.FailureStore), string(i.CauseType), string(i.Cause)})
	})
	if n != len(all) {
		return all, errors.Join(err, errors.New("the number of items is wrong"))
	}
	return all, err
}

func statuses(items []said) []int {
	var all []int
	for _, i := range items {
		all = append(all, i.Status)
	}
	return all
}

// theMix are the items of testdata/answers: those of Elasticsearch 9.5.3 to one and the same
// request, with this plugin's filter_path, with `pretty` in addition, and unfiltered.
var theMix = []said{
	{Status: 201},
	{Status: 409, Type: "version_conflict_engine_exception", Reason: "[1]: version conflict, document already exists (current version [1])"},
	{Status: 400, Type: "strict_dynamic_mapping_exception", Reason: "[1:7] mapping set to strict, dynamic introduction of [zz] within [_doc] is not allowed"},
	{Status: 200},
	{Status: 403, Type: "cluster_block_exception", Reason: "index [blocked] blocked by: [FORBIDDEN/8/index write (api)];"},
	{Status: 400, Type: "illegal_argument_exception", Reason: "pipeline with id [nope] does not exist"},
	{Status: 404},
	{Status: 404, Type: "document_missing_exception", Reason: "[none]: document missing"},
}

func TestAnswersOfTheRealElasticsearch(t *testing.T) {
	for name, text := range realAnswers(t) {
		for how, body := range map[string]io.Reader{
			"whole":             strings.NewReader(text),
			"byte by byte":      iotest.OneByteReader(strings.NewReader(text)),
			"half by half":      iotest.HalfReader(strings.NewReader(text)),
			"end with the data": iotest.DataErrReader(strings.NewReader(text)),
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				got, err := read(new(bulk.AnswerReader), body)
				if err != nil || !reflect.DeepEqual(got, theMix) {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		}
	}
}

func TestAnswersThatAreUnusual(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []said
	}{
		"no items":                          {`{"errors":false,"items":[]}`, nil},
		"the action index, accepted":        {`{"items":[{"index":{"status":201}},{"index":{"status":200}}]}`, []said{{Status: 201}, {Status: 200}}},
		"an action that is not known":       {`{"items":[{"upsert":{"status":201}}]}`, []said{{Status: 201}}},
		"fields in front and behind":        {`{"took":3,"items":[{"create":{"status":201}}],"ingest_took":4,"x":{"items":[1]}}`, []said{{Status: 201}}},
		"unknown fields in an item":         {`{"items":[{"create":{"_id":"a","_shards":{"failures":[{"status":500}]},"status":201,"n":[1,[2]]}}]}`, []said{{Status: 201}}},
		"an error that is an object":        {`{"items":[{"create":{"error":{"type":"t","reason":"r"},"status":400}}]}`, []said{{Status: 400, Type: "t", Reason: "r"}}},
		"an error that is a string":         {`{"items":[{"create":{"error":"r","status":400}}]}`, []said{{Status: 400, Type: "", Reason: "r"}}},
		"an error that is null":             {`{"items":[{"create":{"error":null,"status":400}}]}`, []said{{Status: 400}}},
		"a cause within a cause":            {`{"items":[{"create":{"status":400,"error":{"caused_by":{"type":"x","caused_by":{"reason":"y"}},"type":"t"}}}]}`, []said{{Status: 400, Type: "t", CauseType: "x"}}},
		"a cause behind":                    {`{"items":[{"create":{"status":400,"error":{"type":"t","reason":"r","caused_by":{"type":"x","reason":"y"}}}}]}`, []said{{Status: 400, Type: "t", Reason: "r", CauseType: "x", Cause: "y"}}},
		"the cause of one item only":        {`{"items":[{"create":{"status":400,"error":{"type":"t","reason":"r","caused_by":{"type":"x","reason":"y"}}}},{"create":{"status":400,"error":{"type":"t","reason":"r"}}}]}`, []said{{Status: 400, Type: "t", Reason: "r", CauseType: "x", Cause: "y"}, {Status: 400, Type: "t", Reason: "r"}}},
		"a reason that is none":             {`{"items":[{"create":{"status":400,"error":{"type":"t","reason":"failed to parse","caused_by":{"type":"x","reason":"y","caused_by":{"reason":"z"}}}}}]}`, []said{{Status: 400, Type: "t", Reason: "failed to parse: y"}}},
		"no cause that says more":           {`{"items":[{"create":{"status":400,"error":{"reason":"failed to parse","caused_by":{"type":"x","reason":null}}}},{"create":{"status":400,"error":{"reason":"failed to parse","caused_by":"y","type":"t"}}}]}`, []said{{Status: 400, Type: "", Reason: "failed to parse"}, {Status: 400, Type: "t", Reason: "failed to parse"}}},
		"causes that come twice":            {`{"items":[{"create":{"error":{"reason":"failed to parse","caused_by":{"reason":"y","reason":"z"},"caused_by":{"reason":"w"}},"status":400}}]}`, []said{{Status: 400, Reason: "failed to parse: y", Cause: "w"}}},
		"the failure store":                 {`{"items":[{"create":{"failure_store":"used","status":201}}]}`, []said{{Status: 201, FailureStore: "used"}}},
		"a failure store that is no text":   {`{"items":[{"create":{"failure_store":{"a":1},"status":201}}]}`, []said{{Status: 201}}},
		"no status":                         {`{"items":[{"create":{}},{"create":{"status":201}}]}`, []said{{}, {Status: 201}}},
		"a status that is null":             {`{"items":[{"create":{"status":null}}]}`, []said{{}}},
		"a status that is text":             {`{"items":[{"create":{"status":"201"}}]}`, []said{{}}},
		"a status that is an object":        {`{"items":[{"create":{"status":{"status":201}}}]}`, []said{{}}},
		"a status that is a fraction":       {`{"items":[{"create":{"status":201.0}}]}`, []said{{}}},
		"a status beyond all numbers":       {`{"items":[{"create":{"status":99999999999999999999}}]}`, []said{{}}},
		"a status below zero":               {`{"items":[{"create":{"status":-1}}]}`, []said{{}}},
		"a status that comes twice":         {`{"items":[{"create":{"status":500,"status":201}}]}`, []said{{Status: 201}}},
		"escapes":                           {`{"items":[{"create":{"status":400,"error":{"reason":"\"\\\/\b\f\n\r\té€"}}}]}`, []said{{Status: 400, Type: "", Reason: "\"\\/\b\f\n\r\té€"}}},
		"escapes in keys":                   {`{"items":[{"create":{"status":201}}]}`, []said{{Status: 201}}},
		"a surrogate pair":                  {`{"items":[{"create":{"status":400,"error":"\ud83d\ude00"}}]}`, []said{{Status: 400, Type: "", Reason: "\uFFFD\uFFFD"}}},
		"bytes that are no UTF-8":           {"{\"items\":[{\"create\":{\"status\":400,\"error\":\"a\xff\xfeb\"}}]}", []said{{Status: 400, Type: "", Reason: "ab"}}},
		"white space everywhere":            {" \n{ \"items\"\t:\r[ { \"create\" : { \"status\" : 201 } } , {\"create\":{\"status\":201} } ] } ", []said{{Status: 201}, {Status: 201}}},
		"more data behind":                  {`{"items":[{"create":{"status":201}}]}{"items":[{"create":{"status":500}}]} and more`, []said{{Status: 201}}},
		"keys in capitals are other keys":   {`{"items":[{"create":{"STATUS":500,"status":201,"Status":500}}]}`, []said{{Status: 201}}},
		"a field that is called as an item": {`{"create":{"status":500},"items":[{"create":{"status":201}}]}`, []said{{Status: 201}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(new(bulk.AnswerReader), strings.NewReader(c.text))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	one := []int{201}
	for name, c := range map[string]struct {
		text     string
		want     error // nil for any
		statuses []int
	}{
		"nothing":                      {"", bulk.ErrIncomplete, nil},
		"white space":                  {" \n", bulk.ErrIncomplete, nil},
		"a proxy's page":               {"<html><body>502</body></html>", bulk.ErrForeign, nil},
		"null":                         {"null", bulk.ErrForeign, nil},
		"an array":                     {`[{"create":{"status":201}}]`, bulk.ErrForeign, nil},
		"a string":                     {`"items"`, bulk.ErrForeign, nil},
		"an object without items":      {`{"errors":false}`, nil, nil},
		"Elasticsearch's error":        {`{"error":{"type":"x"},"status":500}`, nil, nil},
		"items that are an object":     {`{"items":{"create":{"status":201}}}`, nil, nil},
		"items that are null":          {`{"items":null}`, nil, nil},
		"an item that is null":         {`{"items":[{"create":{"status":201}},null]}`, nil, one},
		"an item that is an array":     {`{"items":[{"create":{"status":201}},[]]}`, nil, one},
		"an item without an action":    {`{"items":[{"create":{"status":201}},{}]}`, nil, one},
		"an item with two actions":     {`{"items":[{"create":{"status":201}},{"create":{"status":201},"index":{"status":201}}]}`, nil, one},
		"an action that is null":       {`{"items":[{"create":{"status":201}},{"create":null}]}`, nil, one},
		"an action that is a number":   {`{"items":[{"create":{"status":201}},{"create":201}]}`, nil, one},
		"items that come twice":        {`{"items":[{"create":{"status":201}}],"items":[{"create":{"status":500}}]}`, nil, one},
		"a comma too many":             {`{"items":[{"create":{"status":201}},]}`, nil, one},
		"a comma too few":              {`{"items":[{"create":{"status":201}} {"create":{"status":201}}]}`, nil, one},
		"a colon too few":              {`{"items"[{"create":{"status":201}}]}`, nil, nil},
		"a number with a leading zero": {`{"items":[{"create":{"status":0201}}]}`, nil, nil},
		"a negative one, too":          {`{"items":[{"create":{"status":-0201}}]}`, nil, nil},
		"a number with a plus":         {`{"items":[{"create":{"status":+201}}]}`, nil, nil},
		"a word that is none of JSON":  {`{"items":[{"create":{"status":NaN}}]}`, nil, nil},
		"a bare line end in a string":  {"{\"items\":[{\"create\":{\"error\":\"a\nb\"}}]}", nil, nil},
		"an escape that is none":       {`{"items":[{"create":{"error":"\x"}}]}`, nil, nil},
		"half a unicode escape":        {`{"items":[{"create":{"error":"\u00g0"}}]}`, nil, nil},
		"values nested too deep":       {`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"items":[]}`, nil, nil},
		"a number longer than any":     {`{"x":` + strings.Repeat("1", 100) + `,"items":[]}`, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(new(bulk.AnswerReader), strings.NewReader(c.text))
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
			if c.want == nil && (errors.Is(err, bulk.ErrIncomplete) || errors.Is(err, bulk.ErrForeign)) {
				t.Errorf("the error is %v, which it is not", err)
			}
			if !slices.Equal(statuses(got), c.statuses) {
				t.Errorf("got %v before the error, want %v", statuses(got), c.statuses)
			}
		})
	}
}

func TestAReaderIsUsedAgainAfterAnError(t *testing.T) {
	reader := new(bulk.AnswerReader)
	for range 2 {
		if _, err := read(reader, strings.NewReader(`{"items":[{"create":{"status":2`)); !errors.Is(err, bulk.ErrIncomplete) {
			t.Errorf("got %v", err)
		}
		got, err := read(reader, strings.NewReader(`{"items":[{"create":{"status":200}}]}`))
		if err != nil || len(got) != 1 || got[0].Status != 200 {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

func TestAnErrorOfTheConnectionIsReturnedWithTheItemsBefore(t *testing.T) {
	broken := errors.New("connection reset by peer")
	body := io.MultiReader(strings.NewReader(`{"items":[{"create":{"status":201}},{"create":{"sta`), iotest.ErrReader(broken))
	got, err := read(new(bulk.AnswerReader), body)
	if !errors.Is(err, broken) || errors.Is(err, bulk.ErrIncomplete) || !slices.Equal(statuses(got), []int{201}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestABodyIsNotReadOnAfterItsError(t *testing.T) {
	// iotest.TimeoutReader fails once and then goes on, as a body must not.
	text := `{"items":[{"create":{"status":201}},{"create":{"status":201}}]}`
	got, err := read(new(bulk.AnswerReader), iotest.TimeoutReader(iotest.HalfReader(strings.NewReader(strings.Repeat(" ", 20_000)+text))))
	if !errors.Is(err, iotest.ErrTimeout) || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

// idle returns nothing and no error, as io.Reader discourages but allows.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestABodyThatNeverAnswersAnythingEnds(t *testing.T) {
	if _, err := read(new(bulk.AnswerReader), idle{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}
