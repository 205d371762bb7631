-- An event's identity is its uid and the version that this count of it has: each count is one
-- document, however often it is read. managedFields says who wrote which field, has keys that
-- Elasticsearch refuses, and is no part of the event.
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
