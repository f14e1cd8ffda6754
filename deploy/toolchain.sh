#!/bin/sh
# Installs what the project's commands need and the machine lacks: Debian's Node and npm, the pinned Bun in .bun/, and the
# locked dependencies in node_modules/. Source this file after deploy/engine.sh, in the project's folder. Its function:
#
#   toolchain_ready   installs what is missing, says so on stderr, and puts Bun and the commands of node_modules into PATH

toolchain_say() { printf '%s\n' "$*" >&2; }

toolchain_bun_version() { sed -n 's/^ *"bun": "\([0-9][0-9.]*\)",\{0,1\}$/\1/p' package.json | head -n 1; }

toolchain_bun() {
  toolchain_want=$(toolchain_bun_version)
  [ -n "$toolchain_want" ] || { toolchain_say "package.json names no version of bun"; return 1; }
  [ "$(.bun/node_modules/.bin/bun --version 2>/dev/null)" = "$toolchain_want" ] && return 0
  if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    [ "$(id -u)" = 0 ] || { toolchain_say "node and npm are missing: apt-get install nodejs npm"; return 1; }
    engine_install nodejs npm || return 1
  fi
  toolchain_say "installing: bun $toolchain_want into .bun"
  npm install --prefix .bun --no-save --no-audit --no-fund --loglevel=error "bun@$toolchain_want" >&2 || return 1
  # npm 11 runs no install script unless a package.json allows it. Bun's script only moves the executable into place.
  [ "$(.bun/node_modules/.bin/bun --version 2>/dev/null)" = "$toolchain_want" ] || node .bun/node_modules/bun/install.js >&2 || return 1
  [ "$(.bun/node_modules/.bin/bun --version)" = "$toolchain_want" ]
}

toolchain_dependencies() {
  toolchain_lock=$(sha256sum package.json bun.lock | sha256sum)
  [ "$(cat node_modules/.platform-lock 2>/dev/null)" = "$toolchain_lock" ] && return 0
  toolchain_say "installing: the dependencies of bun.lock"
  toolchain_said=$(bun install --frozen-lockfile 2>&1) || { toolchain_say "$toolchain_said"; return 1; }
  printf '%s\n' "$toolchain_lock" >node_modules/.platform-lock
}

toolchain_locked() { toolchain_bun && toolchain_dependencies; }

toolchain_ready() {
  mkdir -p .bun
  PATH=$PWD/.bun/node_modules/.bin:$PWD/node_modules/.bin:$PATH
  export PATH
  (flock -w 900 9 || exit 1; toolchain_locked) 9>.bun/.lock
}
