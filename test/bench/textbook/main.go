// Command textbook is a Fluent Bit output as the documentation of its parts suggests to write one:
// fluent-bit-go's GetRecord, a map for each record, json-iterator, and go-elasticsearch's
// BulkIndexer. It exists only for comparison. Built with -buildmode=c-shared; a module of its own,
// so that the plugin's go.mod doesn't have the whole client.
//
// Options: Address (a URL), Index, Compress (gzip or off).
package main

import "C"

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"time"
	"unsafe"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esutil"
	"github.com/fluent/fluent-bit-go/output"
	jsoniter "github.com/json-iterator/go"
)

var json = jsoniter.ConfigCompatibleWithStandardLibrary

// instance is one output.
type instance struct {
	client *elasticsearch.Client
	index  string
}

// FLBPluginRegister tells the plugin's name.
//
//export FLBPluginRegister
func FLBPluginRegister(def unsafe.Pointer) int {
	return output.FLBPluginRegister(def, "textbook", "Elasticsearch, by the book")
}

// FLBPluginInit makes the client.
//
//export FLBPluginInit
func FLBPluginInit(section unsafe.Pointer) int {
	option := func(name string) string { return output.FLBPluginConfigKey(section, name) }
	client, err := elasticsearch.NewClient(elasticsearch.Config{
		Addresses:           []string{option("Address")},
		CompressRequestBody: option("Compress") == "gzip",
	})
	if err != nil {
		log.Printf("textbook: %v", err)
		return output.FLB_ERROR
	}
	output.FLBPluginSetContext(section, &instance{client: client, index: option("Index")})
	return output.FLB_OK
}

// FLBPluginFlushCtx sends a chunk and waits for its result: an indexer for each,
// since the answer to Fluent Bit is that of its documents.
//
//export FLBPluginFlushCtx
func FLBPluginFlushCtx(ctx, data unsafe.Pointer, length C.int, tag *C.char) int {
	i := output.FLBPluginGetContext(ctx).(*instance)
	indexer, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{Client: i.client, Index: i.index, NumWorkers: 1})
	if err != nil {
		log.Printf("textbook: %v", err)
		return output.FLB_RETRY
	}
	decoder := output.NewDecoder(data, int(length))
	for {
		ret, at, record := output.GetRecord(decoder)
		if ret != 0 {
			break
		}
		if err := add(indexer, at, record); err != nil {
			log.Printf("textbook: %v", err)
		}
	}
	if err := indexer.Close(context.Background()); err != nil {
		log.Printf("textbook: %v", err)
		return output.FLB_RETRY
	}
	if failed := indexer.Stats().NumFailed; failed > 0 {
		log.Printf("textbook: %d documents failed", failed)
		return output.FLB_RETRY
	}
	return output.FLB_OK
}

func add(indexer esutil.BulkIndexer, at interface{}, record map[interface{}]interface{}) error {
	document := object(record)
	document["@timestamp"] = timestamp(at).UTC().Format(time.RFC3339Nano)
	body, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return indexer.Add(context.Background(), esutil.BulkIndexerItem{Action: "create", Body: bytes.NewReader(body)})
}

func timestamp(at interface{}) time.Time {
	switch at := at.(type) {
	case output.FLBTime:
		return at.Time
	case uint64:
		return time.Unix(int64(at), 0)
	}
	return time.Now()
}

// object converts the result of GetRecord into JSON's types.
func object(record map[interface{}]interface{}) map[string]interface{} {
	document := make(map[string]interface{}, len(record)+1)
	for key, v := range record {
		document[fmt.Sprint(key)] = value(v)
	}
	return document
}

func value(v interface{}) interface{} {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case map[interface{}]interface{}:
		return object(v)
	case []interface{}:
		list := make([]interface{}, len(v))
		for i := range v {
			list[i] = value(v[i])
		}
		return list
	}
	return v
}

// FLBPluginExitCtx has nothing to do.
//
//export FLBPluginExitCtx
func FLBPluginExitCtx(ctx unsafe.Pointer) int { return output.FLB_OK }

func main() {}
