-- What a script finds beside Lua's own libraries. Places are JSON Pointers whose names hold neither ~ nor /, through
-- objects only. null, array(list) and refuse(sentence, pointer) are the interpreter's.
local context = ...
local aside = {}

local function is_object(value)
  return type(value) == "table" and getmetatable(value) == nil and value[1] == nil
end

-- The object that holds the place, and the place's name in it; nil when the way is not there and not made.
local function find(config, pointer, make)
  local parent, name = config, nil
  for token in pointer:gmatch("/([^/]*)") do
    if name ~= nil then
      if not is_object(parent) then return nil end
      if parent[name] == nil and make then parent[name] = {} end
      parent = parent[name]
    end
    name = token
  end
  if is_object(parent) then return parent, name end
end

-- The value there, or nil.
function get(config, pointer)
  local parent, name = find(config, pointer)
  return parent and parent[name]
end

-- Remove and return the value there; not there is a refusal.
function take(config, pointer)
  local parent, name = find(config, pointer)
  local value = parent and parent[name]
  if value == nil then refuse("a member is missing that this migration needs", pointer) end
  parent[name] = nil
  return value
end

-- Put a value there, over what is there; objects on the way are made.
function set(config, pointer, value)
  if value == nil then refuse("this migration could make no value for this place", pointer) end
  local parent, name = find(config, pointer, true)
  if not parent then refuse("something that is no object is in the way of this migration", pointer) end
  parent[name] = value
end

function move(config, from, to) set(config, to, take(config, from)) end

-- For members that need not be there.
function move_if_present(config, from, to)
  if get(config, from) ~= nil then move(config, from, to) end
end

-- Whether two values are one JSON value.
function equal(one, other)
  if type(one) ~= "table" or type(other) ~= "table" then return one == other end
  if getmetatable(one) ~= getmetatable(other) then return false end
  for name, value in pairs(one) do
    if not equal(value, other[name]) then return false end
  end
  for name in pairs(other) do
    if one[name] == nil then return false end
  end
  return true
end

-- Going down: remove what the older version cannot say, and keep it aside unless it is what going up would put there.
function keep(config, pointer, usual)
  local value = take(config, pointer)
  if not equal(value, usual) then aside[pointer] = value end
end

-- Going up: put there what was kept, or what is usual when nothing was.
function restore(config, pointer, usual)
  local stash, value = context.stash, usual
  if is_object(stash) and stash[pointer] ~= nil then value = stash[pointer] end
  set(config, pointer, value)
end

-- What was put aside, nil when nothing was.
function kept()
  if next(aside) ~= nil then return aside end
end
