package bulk

import "bytes"

// Scope is the cause of a rejected item or request: the document, its destination, the cluster or
// the settings. It determines the reaction; docs/delivery.md has the table.
type Scope uint8

// The scopes.
const (
	// UnknownScope: the table has no row for it, or one that may be the document's fault and may
	// not. The document is innocent until it is proved guilty (deliver.Strikes).
	UnknownScope Scope = iota
	// DocumentScope: Elasticsearch will never take this document.
	DocumentScope
	// DestinationScope: the index, alias or data stream can't be written.
	DestinationScope
	// ClusterScope: the cluster, or the shard, has no room for work now.
	ClusterScope
	// SettingsScope: a setting of the cluster or of this output.
	SettingsScope
)

var scopeNames = [...]string{UnknownScope: "unknown", DocumentScope: "document", DestinationScope: "destination", ClusterScope: "cluster", SettingsScope: "settings"}

func (s Scope) String() string { return scopeNames[s] }

// Fault is a row of the table of faults.
type Fault struct {
	// Status is the HTTP status of the item or request, 0 for any.
	Status int
	// Type is Elasticsearch's error type, "" for any.
	Type string
	// Prefix is the beginning of the reason, Reason a part of it; "" for any. If a reason may quote
	// the document, only a prefix is safe: a record must not pass for its index's fault.
	Prefix, Reason string
	Scope          Scope
	// Remedy is the advice for the operator. Most documents have none: their dead-letter records
	// name the fault.
	Remedy string
	// Waited means that the server waited for a shard for as long as the bulk
	// timeout. The index is there, so that the next requests need not.
	Waited bool
}

// The remedies that more than one row has.
const (
	remedyWriteBlock = `allow writes again: PUT /<index>/_settings {"index.blocks.write": null}; by force-merge, shrink or a snapshot's clone it is set on purpose: then send to another index`
	remedyReadOnly   = `allow writes again: PUT /<index>/_settings {"index.blocks.read_only": null}`
	remedyDisk       = `a data node's disk is over the flood-stage watermark: free space or add nodes; Elasticsearch lifts the block by itself, else PUT /<index>/_settings {"index.blocks.read_only_allow_delete": null}`
	remedyClosed     = "open it (POST /<index>/_open), or send to another index"
	remedyShardLimit = "the cluster has reached its shard limit: delete or shrink indices, configure fewer shards in the index template, or raise cluster.max_shards_per_node"
	remedyMissing    = "create the index, or allow its creation in action.auto_create_index (PUT /_cluster/settings)"
	remedyAlias      = `give the alias a write index: POST /_aliases {"actions": [{"add": {"index": "<index>", "alias": "<alias>", "is_write_index": true}}]}`
	remedyTemplate   = "correct the index template that matches this name: it can't create an index (POST /_index_template/_simulate_index/<index> shows which)"
	remedyShard      = "a primary shard is unavailable: GET /_cluster/allocation/explain has the reason"
	remedyNode       = "a node left, or its disk failed: check that node's log and GET /_cluster/health"
	remedyMaster     = "the cluster has no elected master, or its master is busy: GET /_cluster/health, GET /_cluster/pending_tasks"
	remedyBusy       = "the cluster is overloaded: more nodes, fewer shards, or fewer fields; see the thread pool write in GET /_cat/thread_pool"
	remedyMemory     = "a node is short of heap (circuit breaker): more heap or nodes, or a smaller Bulk_Size"
	remedyPrivilege  = "give the user or key the privileges in docs/security.md"
	remedyPipeline   = "create that ingest pipeline, or correct Pipeline, or default_pipeline and final_pipeline in the index's settings"
	remedyHost       = "host is text in these records, and an object in that index, as logsdb and ECS have it (host.name): rename it in a filter modify, rename host hostname"
	remedyRouting    = "the index requires a routing: set Routing, or correct the records that have none"
	remedyFields     = "the index, or its template, has more fields than allowed: raise index.mapping.total_fields.limit, or map fewer fields (flattened, or dynamic: false)"
	remedyStream     = "a data stream accepts create only: set Write_Operation create, or send to an index"
)

// faults is the table: the first row that fits holds. It covers Elasticsearch
// 7.17, 8 and 9 and OpenSearch 2 and 3. Types are the servers' exception names
// in snake case, without "Elasticsearch" or "OpenSearch" in front; the status
// of an exception that names none is 500. The same type may mean different
// things, so that the fixed part of the reason decides where it must.
//
// TestEveryRowOfTheFaultTable holds each row to an answer.
var faults = []Fault{
	// Blocks (ClusterBlock and IndexMetadata: id and text are fixed).
	{Type: "cluster_block_exception", Reason: "/8/index write (api)]", Scope: DestinationScope, Remedy: remedyWriteBlock},
	{Type: "cluster_block_exception", Reason: "/5/index read-only (api)]", Scope: DestinationScope, Remedy: remedyReadOnly},
	{Type: "cluster_block_exception", Reason: "/12/", Scope: DestinationScope, Remedy: remedyDisk},
	{Type: "cluster_block_exception", Reason: "/4/index closed]", Scope: DestinationScope, Remedy: remedyClosed},
	{Type: "cluster_block_exception", Reason: "/6/cluster read-only (api)]", Scope: ClusterScope, Remedy: `allow writes again: PUT /_cluster/settings {"persistent": {"cluster.blocks.read_only": null}}`},
	{Type: "cluster_block_exception", Reason: "/13/cluster read-only / allow delete (api)]", Scope: ClusterScope, Remedy: `allow writes again: PUT /_cluster/settings {"persistent": {"cluster.blocks.read_only_allow_delete": null}}`},
	{Type: "cluster_block_exception", Reason: "/10/cluster create-index blocked (api)]", Scope: DestinationScope, Remedy: `allow new indices: PUT /_cluster/settings {"persistent": {"cluster.blocks.create_index": null}}; OpenSearch sets it by itself where the disks of all nodes are full`},
	{Type: "index_create_block_exception", Scope: DestinationScope, Remedy: `allow new indices: PUT /_cluster/settings {"persistent": {"cluster.blocks.create_index": null}}; OpenSearch sets it by itself where the disks of all nodes are full`},
	{Status: 503, Type: "cluster_block_exception", Reason: "state not recovered", Scope: ClusterScope, Remedy: remedyMaster},
	{Status: 503, Type: "cluster_block_exception", Reason: "no master]", Scope: ClusterScope, Remedy: remedyMaster},
	{Status: 503, Type: "cluster_block_exception", Reason: "no cluster manager]", Scope: ClusterScope, Remedy: remedyMaster},
	{Type: "cluster_block_exception", Scope: DestinationScope, Remedy: "lift the block that the reason names"},

	// Backpressure.
	{Type: "es_rejected_execution_exception", Scope: ClusterScope, Remedy: remedyBusy},
	{Type: "rejected_execution_exception", Scope: ClusterScope, Remedy: remedyBusy},
	{Type: "circuit_breaking_exception", Scope: ClusterScope, Remedy: remedyMemory},
	{Type: "cluster_manager_throttling_exception", Scope: ClusterScope, Remedy: remedyMaster},
	{Status: 429, Scope: ClusterScope, Remedy: remedyBusy},
	{Status: 408, Scope: ClusterScope, Remedy: remedyBusy},

	// The index can't be made, or isn't there.
	{Prefix: "Validation Failed: 1: this action would add [", Scope: DestinationScope, Remedy: remedyShardLimit},
	{Type: "index_limit_exceeded_exception", Scope: DestinationScope, Remedy: remedyShardLimit},
	{Type: "index_closed_exception", Scope: DestinationScope, Remedy: remedyClosed},
	{Type: "index_not_found_exception", Scope: DestinationScope, Remedy: remedyMissing},
	{Prefix: "no write index is defined for alias [", Scope: DestinationScope, Remedy: remedyAlias},
	{Prefix: "alias [", Reason: "has more than one write index [", Scope: DestinationScope, Remedy: "leave one write index to the alias: POST /_aliases with is_write_index false for the others"},
	{Prefix: "no matching index template found for data stream [", Scope: DestinationScope, Remedy: "create an index template with a data_stream for this name (docs/templates.md)"},
	{Prefix: "cannot create index with name [", Reason: "that creates data streams only, use create data stream api instead", Scope: SettingsScope, Remedy: remedyStream},
	{Prefix: "only write ops with an op_type of create are allowed in data streams", Scope: SettingsScope, Remedy: remedyStream},
	{Prefix: "index request targeting data stream [", Reason: "specifies a custom routing but the [allow_custom_routing] setting", Scope: SettingsScope, Remedy: "leave Routing out, or allow_custom_routing in the data stream's index template"},
	{Prefix: "Failed to parse mapping", Scope: DestinationScope, Remedy: remedyTemplate},
	{Prefix: "unknown setting [", Scope: DestinationScope, Remedy: remedyTemplate},
	{Prefix: "Failed to parse value [", Type: "illegal_argument_exception", Scope: DestinationScope, Remedy: remedyTemplate},
	{Prefix: "Unknown filter type [", Scope: DestinationScope, Remedy: remedyTemplate},
	{Prefix: "Custom ", Reason: "] failed to find ", Scope: DestinationScope, Remedy: remedyTemplate},
	{Prefix: "Failed to build analyzers: [", Scope: DestinationScope, Remedy: remedyTemplate},
	{Prefix: "unknown index sort field:[", Scope: DestinationScope, Remedy: remedyTemplate},
	{Type: "invalid_index_template_exception", Scope: DestinationScope, Remedy: remedyTemplate},
	{Type: "invalid_alias_name_exception", Scope: DestinationScope, Remedy: remedyTemplate},
	{Type: "settings_exception", Scope: DestinationScope, Remedy: remedyTemplate},
	{Type: "resource_already_exists_exception", Scope: DestinationScope, Remedy: "two requests created the index at the same moment; a retry succeeds"},

	// A shard or a node is missing.
	{Type: "unavailable_shards_exception", Scope: DestinationScope, Remedy: remedyShard, Waited: true},
	{Type: "no_shard_available_action_exception", Scope: DestinationScope, Remedy: remedyShard},
	{Type: "process_cluster_event_timeout_exception", Scope: DestinationScope, Remedy: remedyMaster},
	{Type: "mapper_exception", Prefix: "timed out while waiting for a dynamic mapping update", Scope: DestinationScope, Remedy: remedyMaster},
	{Type: "master_not_discovered_exception", Scope: ClusterScope, Remedy: remedyMaster},
	{Type: "cluster_manager_not_discovered_exception", Scope: ClusterScope, Remedy: remedyMaster},
	{Type: "not_master_exception", Scope: ClusterScope, Remedy: remedyMaster},
	{Type: "not_cluster_manager_exception", Scope: ClusterScope, Remedy: remedyMaster},
	{Type: "failed_to_commit_cluster_state_exception", Scope: DestinationScope, Remedy: remedyMaster},
	{Type: "shard_not_found_exception", Scope: DestinationScope, Remedy: remedyShard},
	{Type: "illegal_index_shard_state_exception", Scope: DestinationScope, Remedy: remedyShard},
	{Type: "index_shard_not_started_exception", Scope: DestinationScope, Remedy: remedyShard},
	{Type: "index_shard_recovering_exception", Scope: DestinationScope, Remedy: remedyShard},
	{Type: "index_shard_closed_exception", Scope: DestinationScope, Remedy: remedyShard},
	{Type: "shard_not_in_primary_mode_exception", Scope: DestinationScope, Remedy: remedyShard},
	{Type: "already_closed_exception", Scope: DestinationScope, Remedy: remedyNode},
	{Type: "i_o_exception", Scope: DestinationScope, Remedy: remedyNode},
	{Type: "translog_exception", Scope: DestinationScope, Remedy: remedyNode},
	{Type: "node_closed_exception", Scope: DestinationScope, Remedy: remedyNode},
	{Type: "node_disconnected_exception", Scope: DestinationScope, Remedy: remedyNode},
	{Type: "node_not_connected_exception", Scope: DestinationScope, Remedy: remedyNode},
	{Type: "connect_transport_exception", Scope: DestinationScope, Remedy: remedyNode},
	{Type: "receive_timeout_transport_exception", Scope: DestinationScope, Remedy: remedyNode},

	// Missing privileges, and writing through an alias or a data stream.
	{Type: "security_exception", Scope: SettingsScope, Remedy: remedyPrivilege},
	{Status: 401, Scope: SettingsScope, Remedy: remedyPrivilege},
	{Status: 400, Prefix: missingPipeline, Scope: SettingsScope, Remedy: remedyPipeline},
	{Type: "illegal_state_exception", Prefix: "Pipeline processor configured for non-existent pipeline [", Scope: SettingsScope, Remedy: remedyPipeline},

	// The document.
	{Type: "document_parsing_exception", Reason: hostIsObject, Scope: DocumentScope, Remedy: remedyHost},
	{Type: "mapper_parsing_exception", Reason: hostIsObject, Scope: DocumentScope, Remedy: remedyHost},
	{Type: "document_parsing_exception", Scope: DocumentScope},
	{Type: "mapper_parsing_exception", Scope: DocumentScope},
	{Type: "strict_dynamic_mapping_exception", Scope: DocumentScope},
	{Type: "version_conflict_engine_exception", Scope: DocumentScope},
	{Type: "document_missing_exception", Scope: DocumentScope},
	{Type: "document_source_missing_exception", Scope: DocumentScope},
	{Type: "routing_missing_exception", Scope: UnknownScope, Remedy: remedyRouting}, // of one document, or of all where Routing is not set
	{Type: "invalid_index_name_exception", Scope: DocumentScope},                    // no state of the cluster makes such a name valid
	{Prefix: "data_stream [", Reason: "] index name is too long", Scope: DocumentScope},
	{Type: "invalid_type_name_exception", Scope: DocumentScope},
	{Type: "parse_exception", Scope: DocumentScope},
	{Type: "parsing_exception", Scope: DocumentScope},
	{Type: "json_parse_exception", Scope: DocumentScope},
	{Type: "x_content_parse_exception", Scope: DocumentScope},
	{Type: "input_coercion_exception", Scope: DocumentScope},
	{Type: "date_time_parse_exception", Scope: DocumentScope},
	{Type: "number_format_exception", Scope: DocumentScope},
	{Status: 413, Scope: DocumentScope},
	// Every server says this of a template that makes an index with too many fields, and OpenSearch
	// of a document, too.
	{Type: "illegal_argument_exception", Prefix: "Limit of total fields [", Scope: UnknownScope, Remedy: remedyFields},
	{Reason: "Limit of mapping depth [", Scope: DocumentScope},
	{Reason: "Limit of nested fields [", Scope: DocumentScope},
	{Prefix: "Field name [", Reason: "] is longer than the limit of [", Scope: DocumentScope},
	{Reason: "immense term in field=", Scope: DocumentScope},
	{Reason: "cannot be changed from type [", Scope: DocumentScope},
	{Prefix: "can't merge a non object mapping [", Scope: DocumentScope},
	{Prefix: "can't merge a non-nested mapping [", Scope: DocumentScope},
	{Prefix: "can't merge a non nested mapping [", Scope: DocumentScope},
	{Prefix: "cannot change object mapping from nested to non-nested", Scope: DocumentScope},
	{Type: "timestamp_error", Scope: DocumentScope},
	{Reason: "is outside of ranges of currently writable indices [", Scope: DocumentScope},
	{Reason: "] is too long, must be no longer than ", Scope: DocumentScope}, // an _id
	{Reason: "Error extracting routing:", Scope: DocumentScope},
	{Reason: "Error extracting tsid:", Scope: DocumentScope},
	{Prefix: "DocValuesField \"", Reason: " is too large", Scope: DocumentScope},
	{Reason: "bytes can be at most 32766 in length", Scope: DocumentScope},

	// A processor of an ingest pipeline failed on the document: its exception
	// has the status 500 where it names none.
	{Type: "fail_processor_exception", Scope: DocumentScope},
	{Type: "script_exception", Scope: DocumentScope},
	{Type: "ingest_processor_exception", Scope: DocumentScope},
	{Type: "ingest_pipeline_exception", Scope: DocumentScope},
	{Type: "find_match", Scope: DocumentScope}, // dissect
	{Type: "geo_ip2_exception", Scope: DocumentScope},
	{Reason: "not present as part of path [", Scope: DocumentScope},
	{Reason: "cannot resolve [", Scope: DocumentScope},
	{Reason: "cannot set [", Scope: DocumentScope},
	{Reason: "cannot remove [", Scope: DocumentScope},
	{Type: "illegal_argument_exception", Prefix: "field [", Reason: "] doesn't exist", Scope: DocumentScope},
	{Type: "illegal_argument_exception", Prefix: "field [", Reason: "] does not contain value_split [", Scope: DocumentScope},
	{Type: "illegal_argument_exception", Reason: ".JsonParseException: ", Scope: DocumentScope},
	{Type: "illegal_argument_exception", Prefix: "URLDecoder: ", Scope: DocumentScope},
	{Reason: "Provided Grok expressions do not match field value", Scope: DocumentScope},
	{Reason: "unable to convert [", Scope: DocumentScope},
	{Reason: "unable to parse date [", Scope: DocumentScope},
	{Reason: "cannot be cast to [", Scope: DocumentScope},
	{Reason: "is null, cannot ", Scope: DocumentScope},
}

// requestFaults are faults of whole requests that are caused by a setting, whatever the request's
// content. Faults without a row are searched by halving.
var requestFaults = []Fault{
	{Status: 400, Reason: "explicit index in bulk is not allowed", Scope: SettingsScope, Remedy: "rest.action.multi.allow_explicit_index is false in elasticsearch.yml: the bulk API can't be used"},
	{Status: 400, Reason: "code 31", Scope: SettingsScope, Remedy: "a proxy on the way strips Content-Encoding, so that Elasticsearch reads gzip as text: let it pass, or set Compress off"},
	{Status: 400, Reason: "Compressor detection can only be called on some xcontent bytes", Scope: SettingsScope, Remedy: "a proxy on the way strips Content-Encoding, so that Elasticsearch reads gzip as text: let it pass, or set Compress off"},
}

// The advice for an operator whose requests of a few documents are rejected as a whole, unless a
// row has more.
const (
	// RemedyOversized: 413 for a small body.
	RemedyOversized = "the server, or a proxy in front of it, accepts only very small requests: raise http.max_content_length in elasticsearch.yml, or the proxy's limit (nginx: client_max_body_size)"
	// RemedyBadRequest: 400 for each of several documents alone.
	RemedyBadRequest = "every request is rejected alike, so that the cause is no document: check rest.action.multi.allow_explicit_index, at proxies that change requests, and at Headers, Pipeline and Routing here"
)

// hostIsObject is the reason for a record with text in host, in an index with host.name: logsdb,
// the default of logs-*-* in Elasticsearch 9, maps it itself.
const hostIsObject = "object mapping for [host] tried to parse field [host] as object"

const missingPipeline = "pipeline with id ["

// FaultOf finds the row of an item that was not accepted, nil for none.
func FaultOf(item Item) *Fault { return find(faults, item.Status, item.Type, item.Reason) }

// RequestFaultOf finds the row of a whole request, nil for none.
func RequestFaultOf(f *Failure) *Fault {
	return find(requestFaults, f.Status, []byte(f.Type), []byte(f.Reason))
}

func find(table []Fault, status int, kind, reason []byte) *Fault {
	for i := range table {
		row := &table[i]
		if (row.Status == 0 || row.Status == status) && (row.Type == "" || row.Type == string(kind)) && bytes.HasPrefix(reason, []byte(row.Prefix)) && (row.Reason == "" || bytes.Contains(reason, []byte(row.Reason))) {
			return row
		}
	}
	return nil
}

// Faults are the rows of the table, for tests and documentation.
func Faults() []Fault { return append([]Fault(nil), faults...) }
