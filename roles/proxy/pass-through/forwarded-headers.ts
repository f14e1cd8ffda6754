import { hopByHop } from "#shared/http/hop-by-hop.ts";
import type { Headers } from "../upstream/response-reader.ts";

/** Set anew, or framing of the body, which is made anew. */
const replaced = new Set(
  "host content-length expect authorization x-admin-token x-request-id forwarded x-real-ip x-forwarded-for x-forwarded-proto x-forwarded-host".split(
    " ",
  ),
);
const miner = new Set(["x-hotkey", "x-signature", "x-nonce", "x-timestamp"]);

export interface Forwarding {
  readonly slug: string;
  readonly request_id: string;
  /** The miner's four headers go along. */
  readonly is_signed_route: boolean;
  readonly host: string;
  readonly forwarded: { readonly for: string; readonly proto: string; readonly host: string };
}

/** A client's headers as a challenge may see them (contract §2), in their order, duplicates kept, with those of the platform. */
export function forwardedHeaders(headers: Headers, to: Forwarding): Headers {
  const named = connectionNames(headers);
  const kept = headers.filter(([name]) => {
    const plain = spelling(name);
    if (hopByHop.has(plain) || named.has(plain) || replaced.has(plain) || plain.startsWith("x-platform-")) return false;
    // In another spelling it is not the header that the route is trusted to check.
    return !miner.has(plain) || (to.is_signed_route && name.toLowerCase() === plain);
  });
  return [
    ["Host", to.host],
    ...kept,
    ["X-Platform-Proxy", "true"],
    ["X-Platform-Challenge-Slug", to.slug],
    ["X-Request-Id", to.request_id],
    ["X-Forwarded-For", to.forwarded.for],
    ["X-Forwarded-Proto", to.forwarded.proto],
    ["X-Forwarded-Host", to.forwarded.host],
  ];
}

/** An upstream's headers as the client sees them: all but hop-by-hop. */
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

/** Servers that turn headers into variables read `_` and `-` as the same. */
function spelling(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}
