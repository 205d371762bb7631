package main

// suite is a table of docs/compatibility.md: cases, and their subjects.
type suite struct {
	cases    []testCase
	target   string // of the Makefile, which the page's mark names
	variable string // names the subject to the tests
	asked    string // the test that logs the subject
}

var (
	servers = suite{serverCases, "make test-matrix", "ES_VERSION", "TestMatrixServerIsTheOneAskedFor"}
	agents  = suite{agentCases, "make test-agents", "FLUENT_BIT", "TestMatrixAgentIsTheOneAskedFor"}
)

// testCase is a row of docs/compatibility.md: its text, and its tests in the packages under
// test/e2e, all of which must pass.
type testCase struct {
	title string
	tests []string
	// once says that the first subject alone shows it.
	once bool
}

var serverCases = []testCase{
	{title: "50,000 lines through the real Fluent Bit are there once each, every field as it was", tests: []string{"TestFluentBitDeliversEveryRecordOnce"}},
	{title: "several instances, 0 to 4 workers, both layouts of events", tests: []string{"TestHostBothLayoutsManyThreadsSeveralInstances"}},
	{title: "values of every type, options of documents, chunks that are damaged", tests: []string{"TestHostDocumentOptions", "TestHostBadInputCostsNoOtherRecord"}},
	{title: "keys that the server refuses are changed, all others stay", tests: []string{"TestHostKeysAreThoseThatElasticsearchTakes", "TestHostRecordOfRefusedKeysArrivesWhole", "TestHostLongKeys"}},
	{title: "records of every type come back as they were; dynamic mapping refuses only what a mapping must; whole floats are mapped as floats", tests: []string{"TestHostRoundTripOfEveryType", "TestHostRoundTripUnderDynamicMapping", "TestHostWholeFloatsAreMappedAsFloats"}},
	{title: "the built-in `es` and `opensearch` differ from the plugin where [migration.md](migration.md) says so, and nowhere else", tests: []string{"TestFluentBitDiffersFromTheBuiltInWhereItSaysSo"}},
	{title: "`Compress` gzip and off", tests: []string{"TestMatrixCompression"}},
	{title: "a refused document is counted by type and costs no other", tests: []string{"TestFluentBitRefusedDocumentsCostNoOthers"}},
	{title: "no value of a record is in the log, whatever the server's reason quotes", tests: []string{"TestNoValueOfARecordIsInTheLog", "TestNoSingleLeak", "TestNoFaultLeaks"}},
	{title: "ids from the record and generated ones; 409 is *already there*; a chunk that comes again brings the rest", tests: []string{"TestHostIDs", "TestHostGeneratedIDsMakeReplaysHarmless", "TestHostReplaySendsOnlyTheRest"}},
	{title: "`Write_Operation` create, index, update, upsert, delete", tests: []string{"TestHostWriteOperations"}},
	{title: "`Routing`", tests: []string{"TestHostRoutingOfAnyText"}},
	{title: "`Pipeline`: asked for, awaited where it is missing", tests: []string{"TestHostPipelines"}},
	{title: "a pipeline's processors change the document", tests: []string{"TestMatrixPipelinesChangeDocuments"}},
	{title: "`Logstash_Format`, `Index` from record and tag", tests: []string{"TestHostLogstashNames", "TestHostIndexTemplateOfRecordAndTag"}},
	{title: "`Data_Stream`", tests: []string{"TestHostDataStream"}},
	{title: "names of data streams: what the plugin makes of any text is taken; what it changes would be refused, but for what is listed below", tests: []string{"TestMatrixDataStreamNames"}},
	{title: "a record's own `data_stream.*` under `constant_keyword`", tests: []string{"TestMatrixDataStreamFieldsThatAreConstant"}},
	{title: "`Dead_Letter_Index`, `Dead_Letter_File` and its replay", tests: []string{"TestHostDeadLetterIndex", "TestHostDeadLetterIndexThatRefusesTooEndsThere", "TestHostDeadLetterFileAndItsReplay"}},
	{title: "the server's own 413 and 429: smaller requests, later", tests: []string{"TestMatrixRealRefusalsOfSizeAndLoad"}},
	{title: "blocked and missing indices", tests: []string{"TestHeldDestinationLosesNothing", "TestBlockedIndexCostsItsNeighboursNothing", "TestOneIndexInTroubleBesideAHealthyOne", "TestUnassignedPrimaryIsWaitedForOnce"}},
	{title: "an illegal item is found and costs no other", tests: []string{"TestIllegalItemCostsNoOtherAndFewRequests"}},
	{title: "a proxy that throttles, cuts, answers pages: no record is lost", tests: []string{"TestFaultCostsNoRecord", "TestItemsThatWereTakenAreNotSentAgain"}},
	{title: "`Template_File`: before the first document, in an outage, without the privilege, overwritten, by a fleet", tests: []string{"TestMatrixTemplateComesBeforeTheFirstDocument", "TestMatrixTemplateThatMayNotBeInstalled", "TestMatrixTemplateOverwrite", "TestMatrixTemplateOfAFleet"}},
	{title: "the templates of deploy/templates: installed, labels that conflict, malformed values, values of 40 KB; between priorities 100 and 200", tests: []string{"TestMatrixReadyTemplates", "TestMatrixTemplatesStandBetweenOthers"}},
	{title: "a list of 1 and 2.5 under a field that no mapping knows", tests: []string{"TestMatrixMixedNumbersInAList"}},
	{title: "users and roles of the server itself: the fewest privileges of [security.md](security.md) are enough, and none can be left out", tests: []string{"TestFewestPrivileges"}},
	{title: "the privileges that options need besides, by the table of [security.md](security.md)", tests: []string{"TestPrivilegesOfOptions"}},
	{title: "a role for one index, or data stream, and not for another: only that is held, and delivered when the role is extended", tests: []string{"TestRoleForOneIndexHoldsTheOther"}},
	{title: "a password that is wrong for 30 s (Elasticsearch: a token file and an API key file, too): few requests, nothing lost", tests: []string{"TestCredentialThatIsWrongForAWhile"}},
	{title: "an API key that ends", tests: []string{"TestAPIKeyThatEnds"}},
	{title: "the set-up job of deploy/ with a key that may only write, and with its own role", tests: []string{"TestSetUpJobOfAKeyThatMayOnlyWrite"}},
	{title: "a user who may only write; the server's own certificate by `TLS_CA_Fingerprint`; a denied index; no secret in any line", tests: []string{"TestKeyThatMayOnlyWrite", "TestFingerprintOfTheServersOwnCertificate", "TestDeniedIndexNamesItself", "TestNoSecretIsToldOfASecuredServer"}},
	{title: "a record whose `host` is text, in an index with `host.name`: the line says what to do", tests: []string{"TestMatrixHostAsText"}},
	{title: "logsdb and time series data streams", tests: []string{"TestMatrixLogsDB", "TestMatrixTimeSeries"}},
	{title: "three nodes, one killed and started again under load: each record once, load spread within 10%", tests: []string{"TestClusterOfThreeLosesANodeUnderLoad"}, once: true},
}

var agentCases = []testCase{
	{title: "50,000 lines are there once each, every field as it was", tests: []string{"TestFluentBitDeliversEveryRecordOnce"}},
	{title: "two outputs, without workers, with 1, with 4", tests: []string{"TestFluentBitInstancesAndWorkers"}},
	{title: "records as the systemd input and the kubernetes filter make them; chunks of 2 MB", tests: []string{"TestFluentBitExampleRecords", "TestFluentBitLargeChunk"}},
	{title: "counters, gauges and the histogram on Fluent Bit's endpoint, with their values", tests: []string{"TestFluentBitShowsMetricsOfEveryKind"}},
	{title: "lines in Fluent Bit's own log, with its levels; wrong settings end the start, all at once", tests: []string{"TestFluentBitLogFile", "TestFluentBitRefusesWrongSettingsAllAtOnce"}},
	{title: "a refused document is counted by type and costs no other", tests: []string{"TestFluentBitRefusedDocumentsCostNoOthers"}},
	{title: "Elasticsearch comes late, and goes for 20 s", tests: []string{"TestFluentBitElasticsearchComesLate", "TestFluentBitElasticsearchAwayForTwentySeconds"}},
	{title: "the agent is killed under load: nothing lost, nothing doubled", tests: []string{"TestCrashKilledAgentLosesAndDoublesNothing", "TestCrashKilledAgentDoublesAtMostWhatIsReadAgain"}},
	{title: "SIGTERM in an outage: it ends soon, nothing is lost", tests: []string{"TestCrashTermInOutageEndsSoonAndLosesNothing"}},
	{title: "SIGTERM amid a file that is read", tests: []string{"TestFluentBitTermWhileBusyLosesNothing"}},
	{title: "spool: killed under load, many tags in few requests, quick exit in an outage, inputs never wait", tests: []string{"TestSpoolKilledAgentLosesAndDoublesNothing", "TestSpoolMakesFewRequestsOfManyTags", "TestSpoolExitIsQuickWithElasticsearchAway", "TestSpoolNeverBlocksTheEngine"}},
	{title: "ten hot reloads under load, with a spool", tests: []string{"TestSpoolSurvivesTenHotReloadsUnderLoad"}},
	{title: "hot reloads amid a file that is read", tests: []string{"TestFluentBitHotReload"}},
	{title: "OTLP: index, id and routing from resource, scope and attributes", tests: []string{"TestFluentBitOTLPGoesWhereItsResourceSays"}},
	{title: "OTLP: every field of a log", tests: []string{"TestFluentBitOTLP"}},
	{title: "docs/migration.md lists every difference to the built-in outputs", tests: []string{"TestFluentBitDiffersFromTheBuiltInWhereItSaysSo"}},
	{title: "certificates are changed while it runs", tests: []string{"TestFluentBitRotation"}},
	{title: "the configuration of the image", tests: []string{"TestFluentBitImageConfiguration"}},
}
