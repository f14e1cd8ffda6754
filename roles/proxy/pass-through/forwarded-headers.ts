import { hopByHop } from "#shared/http/hop-by-hop.ts";
import type { Headers } from "../upstream/response-reader.ts";

/** The platform sets these itself, or frames the body anew. */
const replaced = new Set(
  "host content-length expect authorization x-admin-token x-request-id forwarded x-real-ip x-forwarded-for x-forwarded-proto x-forwarded-host".split(
    " ",
  ),
);
const miner = new Set(["x-hotkey", "x-signature", "x-nonce", "x-timestamp"]);

export interface Forwarding {
  readonly slug: string;
  readonly requestId: string;
  /** The challenge checks the miner's signature itself: the four headers go along. */
  readonly isSignedRoute: boolean;
  readonly host: string;
  readonly forwarded: { readonly for: string; readonly proto: string; readonly host: string };
}

/** A client's headers as a challenge may see them (contract §2), in their order, then those of the platform. Duplicates are kept. */
export function forwardedHeaders(headers: Headers, to: Forwarding): Headers {
  const named = connectionNames(headers);
  const kept = headers.filter(([name]) => {
    const plain = spelling(name);
    if (hopByHop.has(plain) || named.has(plain) || replaced.has(plain) || plain.startsWith("x-platform-")) return false;
    // A signed route checks the plain spelling alone: in any other, the header would pass unchecked.
    return !miner.has(plain) || (to.isSignedRoute && name.toLowerCase() === plain);
  });
  return [
    ["Host", to.host],
    ...kept,
    ["X-Platform-Proxy", "true"],
    ["X-Platform-Challenge-Slug", to.slug],
    ["X-Request-Id", to.requestId],
    ["X-Forwarded-For", to.forwarded.for],
    ["X-Forwarded-Proto", to.forwarded.proto],
    ["X-Forwarded-Host", to.forwarded.host],
  ];
}

/** An upstream's headers as the client sees them: all but the hop-by-hop ones. */
export function returnedHeaders(headers: Headers): [string, string][] {
  const named = connectionNames(headers);
  return headers
    .filter(([name]) => !hopByHop.has(name.toLowerCase()) && !named.has(name.toLowerCase()))
    .map(([name, value]) => [name, value]);
}

function connectionNames(headers: Headers): ReadonlySet<string> {
  const values = headers.filter(([name]) => spelling(name) === "connection").map(([, value]) => value);
  return new Set(values.flatMap((value) => value.split(",").map((name) => spelling(name.trim()))));
}

/** The name with `-` for `_`: servers that turn headers into variables read the two as the same. */
function spelling(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
