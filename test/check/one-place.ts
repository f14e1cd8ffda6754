import type { SourceFile } from "./sources.ts";

/**
 * Knowledge that only its home file may state. Other files import it, because one of two copies would be forgotten in
 * a change.
 */
const knowledge: readonly { readonly pattern: RegExp; readonly home: string }[] = [
  {
    pattern: /["'`]platform\.(managed|fleet|kind|id|challenge|role|job|task|spec|token_generation|workload)["'`]/,
    home: "shared/swarm/labels.ts",
  },
  { pattern: /com\.docker\.swarm\.service\.name/, home: "shared/swarm/labels.ts" },
  { pattern: /platform-(job|stage|collect|janitor|inspect)-/, home: "shared/swarm/names.ts" },
  { pattern: /["'`]platform_(control|public|transfer|challenge_)/, home: "shared/swarm/names.ts" },
  { pattern: /CapabilityDrop: \[|NoNewPrivileges: true|\{\{"\{\{"\}\}/, home: "shared/swarm/container.ts" },
  { pattern: /Kind: "NVIDIA-GPU"|Kind === "NVIDIA-GPU"/, home: "shared/swarm/gpus.ts" },
  { pattern: /token_generation - 1/, home: "shared/auth/tokens.ts" },
  { pattern: /["'`]proxy-authenticate["'`]/, home: "shared/http/hop-by-hop.ts" },
  { pattern: /\b(8080|8082|8083)\b/, home: "shared/swarm/addresses.ts" },
];

/** Finds copies of this knowledge outside of its home. */
export function* onePlace(files: readonly SourceFile[]): Generator<string> {
  for (const { path, text } of files) {
    if (!/^(roles|shared)\//.test(path)) continue;
    for (const { pattern, home } of knowledge) {
      if (path === home) continue;
      const line = text
        .split("\n")
        .findIndex((candidate) => !/^\s*(\/\/|\/?\*)/.test(candidate) && pattern.test(candidate));
      if (line >= 0) yield `${path}:${line + 1}: ${pattern} has its place in ${home}: import it`;
    }
  }
}
