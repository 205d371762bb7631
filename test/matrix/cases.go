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
	{title: "50,000 lines through Fluent Bit: each once, every field unchanged", tests: []string{"TestFluentBitDeliversEveryRecordOnce"}},
	{title: "several instances, 0 to 4 workers", tests: []string{"TestHostBothLayoutsManyThreadsSeveralInstances"}},
	{title: "document options, damaged chunks", tests: []string{"TestHostDocumentOptions", "TestHostBadInputCostsNoOtherRecord"}},
	{title: "rejected keys are changed, all others stay", tests: []string{"TestHostKeysAreThoseThatElasticsearchTakes", "TestHostRecordOfRejectedKeysArrivesWhole", "TestHostLongKeys"}},
	{title: "values of every type, with and without dynamic mapping", tests: []string{"TestHostRoundTripOfEveryType", "TestHostRoundTripUnderDynamicMapping", "TestHostWholeFloatsAreMappedAsFloats"}},
	{title: "differences to the built-in outputs are those of [migration](migration.md)", tests: []string{"TestFluentBitDiffersFromTheBuiltInWhereItSaysSo"}},
	{title: "`Compress`", tests: []string{"TestMatrixCompression"}},
	{title: "a rejected document is counted, and costs no other", tests: []string{"TestFluentBitRejectedDocumentsCostNoOthers"}},
	{title: "no value of a record in the log", tests: []string{"TestNoValueOfARecordIsInTheLog", "TestNoSingleLeak", "TestNoFaultLeaks"}},
	{title: "ids, own and generated; retried chunks", tests: []string{"TestHostIDs", "TestHostGeneratedIDsMakeReplaysHarmless", "TestHostReplaySendsOnlyTheRest"}},
	{title: "`Write_Operation`", tests: []string{"TestHostWriteOperations"}},
	{title: "`Routing`", tests: []string{"TestHostRoutingOfAnyText"}},
	{title: "`Pipeline`; a missing one is awaited", tests: []string{"TestHostPipelines"}},
	{title: "a pipeline's processors", tests: []string{"TestMatrixPipelinesChangeDocuments"}},
	{title: "`Logstash_Format`, `Index` from record and tag", tests: []string{"TestHostLogstashNames", "TestHostIndexTemplateOfRecordAndTag"}},
	{title: "`Data_Stream`", tests: []string{"TestHostDataStream"}},
	{title: "names of data streams from any text", tests: []string{"TestMatrixDataStreamNames"}},
	{title: "a record's own `data_stream.*` under `constant_keyword`", tests: []string{"TestMatrixDataStreamFieldsThatAreConstant"}},
	{title: "`Dead_Letter_Index`, `Dead_Letter_File`, replay", tests: []string{"TestHostDeadLetterIndex", "TestHostDeadLetterIndexThatRejectsTooEndsThere", "TestHostDeadLetterFileAndItsReplay"}},
	{title: "the server's own 413 and 429", tests: []string{"TestMatrixRealRejectionsOfSizeAndLoad"}},
	{title: "blocked and missing indices", tests: []string{"TestHeldDestinationLosesNothing", "TestBlockedIndexCostsItsNeighboursNothing"}},
	{title: "an index in each of nine states beside a healthy one, from Fluent Bit", tests: []string{"TestOneIndexInTroubleBesideAHealthyOne", "TestUnassignedPrimaryIsWaitedForOnce"}},
	{title: "errors and their scopes: the recorded answer in a hundred states", tests: []string{"TestFaultTableIsAskedOfTheServer"}},
	{title: "an illegal item costs no other", tests: []string{"TestIllegalItemCostsNoOtherAndFewRequests"}},
	{title: "a proxy that throttles, cuts or answers pages", tests: []string{"TestFaultCostsNoRecord", "TestItemsThatWereTakenAreNotSentAgain"}},
	{title: "`Template_File`, also in an outage, without the privilege, by a fleet", tests: []string{"TestMatrixTemplateComesBeforeTheFirstDocument", "TestMatrixTemplateThatMayNotBeInstalled", "TestMatrixTemplateOverwrite", "TestMatrixTemplateOfAFleet"}},
	{title: "the templates of deploy/templates", tests: []string{"TestMatrixReadyTemplates", "TestMatrixTemplatesStandBetweenOthers"}},
	{title: "a list of 1 and 2.5 in an unmapped field", tests: []string{"TestMatrixMixedNumbersInAList"}},
	{title: "the least privileges in [security](security.md)", tests: []string{"TestFewestPrivileges"}},
	{title: "further privileges of options in [security](security.md)", tests: []string{"TestPrivilegesOfOptions"}},
	{title: "a role without one index: only that is held", tests: []string{"TestRoleForOneIndexHoldsTheOther"}},
	{title: "credentials that are wrong for a while", tests: []string{"TestCredentialThatIsWrongForAWhile"}},
	{title: "an API key that expires", tests: []string{"TestAPIKeyThatEnds"}},
	{title: "the set-up job of deploy/", tests: []string{"TestSetUpJobOfAKeyThatMayOnlyWrite"}},
	{title: "`TLS_CA_Fingerprint`; a denied index; no secret in the log", tests: []string{"TestKeyThatMayOnlyWrite", "TestFingerprintOfTheServersOwnCertificate", "TestDeniedIndexNamesItself", "TestNoSecretOfASecuredServerIsShown"}},
	{title: "`host` as text in an index with `host.name`: a log line has the fix", tests: []string{"TestMatrixHostAsText"}},
	{title: "logsdb and time series data streams", tests: []string{"TestMatrixLogsDB", "TestMatrixTimeSeries"}},
	{title: "three nodes, one restarted under load", tests: []string{"TestClusterOfThreeLosesANodeUnderLoad"}, once: true},
}

var agentCases = []testCase{
	{title: "50,000 lines: each once, every field unchanged", tests: []string{"TestFluentBitDeliversEveryRecordOnce"}},
	{title: "two outputs; 0, 1 and 4 workers", tests: []string{"TestFluentBitInstancesAndWorkers"}},
	{title: "records of systemd and the kubernetes filter; chunks of 2 MB", tests: []string{"TestFluentBitExampleRecords", "TestFluentBitLargeChunk"}},
	{title: "metrics on Fluent Bit's endpoint", tests: []string{"TestFluentBitShowsMetricsOfEveryKind"}},
	{title: "Fluent Bit's log and levels; refused settings", tests: []string{"TestFluentBitLogFile", "TestFluentBitRejectsWrongSettingsAllAtOnce"}},
	{title: "a rejected document is counted, and costs no other", tests: []string{"TestFluentBitRejectedDocumentsCostNoOthers"}},
	{title: "Elasticsearch comes late, and is away for 20 s", tests: []string{"TestFluentBitElasticsearchComesLate", "TestFluentBitElasticsearchAwayForTwentySeconds"}},
	{title: "agent killed under load: no loss, no duplicates", tests: []string{"TestCrashKilledAgentLosesAndDuplicatesNothing", "TestCrashKilledAgentDuplicatesAtMostWhatIsReadAgain"}},
	{title: "a line that was read in part at a kill is whole", tests: []string{"TestFluentBitTailResumes"}},
	{title: "SIGTERM in an outage: quick exit, no loss", tests: []string{"TestCrashTermInOutageEndsSoonAndLosesNothing"}},
	{title: "SIGTERM while a file is read", tests: []string{"TestFluentBitTermWhileBusyLosesNothing"}},
	{title: "spool: kills, many tags, exit in an outage, inputs never wait", tests: []string{"TestSpoolKilledAgentLosesAndDuplicatesNothing", "TestSpoolMakesFewRequestsOfManyTags", "TestSpoolExitIsQuickWithElasticsearchAway", "TestSpoolNeverBlocksTheEngine"}},
	{title: "ten hot reloads under load, with a spool", tests: []string{"TestSpoolSurvivesTenHotReloadsUnderLoad"}},
	{title: "hot reloads while a file is read", tests: []string{"TestFluentBitHotReload"}},
	{title: "OTLP: index, id and routing from resource, scope and attributes", tests: []string{"TestFluentBitOTLPGoesWhereItsResourceSays"}},
	{title: "OTLP: every field of a log", tests: []string{"TestFluentBitOTLP"}},
	{title: "differences to the built-in outputs are those of migration.md", tests: []string{"TestFluentBitDiffersFromTheBuiltInWhereItSaysSo"}},
	{title: "certificates that change", tests: []string{"TestFluentBitRotation"}},
	{title: "the configuration of the image", tests: []string{"TestFluentBitImageConfiguration"}},
}
