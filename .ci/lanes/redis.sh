#!/usr/bin/env bash
# The fan-out and the rate limits against a real Redis.
source "$(dirname "$0")/peer.sh"

have redis-server redis-server
port="$(free_port)"
start redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$work"
ready 20 redis-cli -h 127.0.0.1 -p "$port" ping
REDIS_URL="redis://127.0.0.1:$port" specs infra/adapters/redis infra/http/rate-limits
