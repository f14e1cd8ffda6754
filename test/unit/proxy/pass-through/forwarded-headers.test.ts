import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Forwarding,
  forwardedHeaders,
  returnedHeaders,
} from "../../../../roles/proxy/pass-through/forwarded-headers.ts";

const to: Forwarding = {
  slug: "demo",
  requestId: "r-1",
  isSignedRoute: false,
  host: "challenge-demo:8000",
  forwarded: { for: "192.0.2.1", proto: "https", host: "platform.example" },
};
const own = forwardedHeaders([], to);
const removed =
  "connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade host authorization x-admin-token x-platform-proxy x-platform-challenge-slug x-platform-verified-hotkey x-platform-anything x-hotkey x-signature x-nonce x-timestamp content-length x-forwarded-for x-request-id".split(
    " ",
  );

/** A name in any case, with `_` for some `-`. */
const spelling = (name: string) =>
  fc
    .tuple(...[...name].map((char) => fc.constantFrom(char, char === "-" ? "_" : char.toUpperCase())))
    .map((chars) => chars.join(""));

describe("the headers a challenge receives", () => {
  test("hold none that a client must not set, in any spelling", () => {
    const name = fc.constantFrom(...removed).chain(spelling);
    fc.assert(fc.property(name, (header) => Bun.deepEquals(forwardedHeaders([[header, "evil"]], to), own)));
  });

  test("hold none that Connection names", () => {
    const headers = [
      ["Connection", "close, X-Secret"],
      ["connection", "x-other"],
      ["X-Secret", "1"],
      ["x_other", "2"],
      ["X-Kept", "3"],
    ] as const;
    expect(forwardedHeaders(headers, to).filter(([name]) => /^x.(secret|other|kept)$/i.test(name))).toEqual([
      ["X-Kept", "3"],
    ]);
  });

  test("hold the platform's, each once, and the client's others as they were", () => {
    const all = forwardedHeaders(
      [
        ["x-platform-proxy", "false"],
        ["Cookie", "a=1"],
        ["Cookie", "b=2"],
      ],
      to,
    );
    expect(all).toEqual([
      ["Host", "challenge-demo:8000"],
      ["Cookie", "a=1"],
      ["Cookie", "b=2"],
      ["X-Platform-Proxy", "true"],
      ["X-Platform-Challenge-Slug", "demo"],
      ["X-Request-Id", "r-1"],
      ["X-Forwarded-For", "192.0.2.1"],
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Host", "platform.example"],
    ]);
  });

  test("hold the miner's four on a signed route, in their own spelling only", () => {
    const miner = [
      ["X-Hotkey", "h"],
      ["X-Signature", "s"],
      ["x-nonce", "n"],
      ["X-Timestamp", "1"],
      ["X_Hotkey", "evil"],
      ["Authorization", "evil"],
    ] as const;
    const names = forwardedHeaders(miner, { ...to, isSignedRoute: true }).map(([name]) => name);
    expect(names.slice(1, 5)).toEqual(["X-Hotkey", "X-Signature", "x-nonce", "X-Timestamp"]);
    expect(names).toHaveLength(own.length + 4);
  });
});

test("the headers a client receives are the challenge's without hop-by-hop", () => {
  const headers = [
    ["Set-Cookie", "a"],
    ["set-cookie", "b"],
    ["Connection", "X-Hop"],
    ["X-Hop", "1"],
    ["Transfer-Encoding", "chunked"],
    ["Content-Encoding", "gzip"],
  ] as const;
  expect(returnedHeaders(headers)).toEqual([
    ["Set-Cookie", "a"],
    ["set-cookie", "b"],
    ["Content-Encoding", "gzip"],
  ]);
});
