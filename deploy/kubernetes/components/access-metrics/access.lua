-- The labels of web_access_requests_total, so that no log can bring the agent down. Methods and
-- classes of paths are closed sets. Open ones (clients, codes, containers) have a bound: a
-- container has ACCESS_SERIES_OF_CONTAINER series, a node ACCESS_SERIES. A request beyond that is
-- counted in the container's series with the labels `other`; if there are too many containers, in
-- the node's series `other`. So every request is counted once, and a flooding container takes
-- nothing from its neighbours.
local function set(words)
  local all = {}
  for word in words:gmatch("[^%s,]+") do
    all[word] = true
  end
  return all
end

local function number(name, default)
  return tonumber(os.getenv(name) or "") or default
end

local methods = set("CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT TRACE")
local paths = set(os.getenv("ACCESS_PATHS") or "/")
local with_client = os.getenv("ACCESS_BY_CLIENT") == "on"
local container_limit, node_limit = number("ACCESS_SERIES_OF_CONTAINER", 200), number("ACCESS_SERIES", 2000)
local containers, series = {}, 0

-- series_of names the series that counts a request: its own, its container's other one, or the
-- node's.
local function series_of(container, key)
  local known = containers[container]
  if known and known.keys[key] then
    return "own"
  end
  if not known then
    -- A container takes one place for its other series, too, so that there is always one.
    if series + 2 > node_limit then
      return "node"
    end
    known = {keys = {}, count = 0}
    containers[container] = known
    series = series + 1
  end
  if known.count >= container_limit or series >= node_limit then
    return "container"
  end
  known.keys[key], known.count, series = true, known.count + 1, series + 1
  return "own"
end

function access(tag, timestamp, record)
  local client, method, path, code = record["client"], record["method"], record["path"], record["code"]
  if type(client) ~= "string" or type(method) ~= "string" or type(path) ~= "string" or type(code) ~= "string" then
    return 0, timestamp, record
  end
  -- kube.POD_NAMESPACE_CONTAINER-ID.log: known also while the API server is away.
  local namespace, container = tag:match("^kube%.[^_]+_([^_]+)_(.+)%-%x+%.log$")
  namespace, container = namespace or "", container or ""
  local class = path:match("^/[^/?#]*") or ""
  if not methods[method] then
    method = "other"
  end
  if not paths[class] then
    class = "other"
  end
  if not with_client then
    client = ""
  end
  local place = series_of(namespace .. "\0" .. container, client .. "\0" .. method .. "\0" .. class .. "\0" .. code)
  if place ~= "own" then
    client, method, class, code = "other", "other", "other", "other"
  end
  if place == "node" then
    namespace, container = "other", "other"
  end
  record["access"] = {namespace = namespace, container = container, client = client, method = method, path = class, code = code}
  return 2, timestamp, record
end
