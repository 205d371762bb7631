-- An event's identity is its uid and the version of this count: each count is one document, however
-- often it is read. managedFields (the writer of each field) has keys that Elasticsearch rejects,
-- and is no part of the event.
function event(tag, timestamp, record)
  local metadata = record["metadata"]
  if type(metadata) ~= "table" then
    return 0, timestamp, record
  end
  if metadata["uid"] and metadata["resourceVersion"] then
    record["event_id"] = metadata["uid"] .. "-" .. metadata["resourceVersion"]
  end
  metadata["managedFields"] = nil
  return 2, timestamp, record
end
