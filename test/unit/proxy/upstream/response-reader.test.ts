import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ResponseReader } from "../../../../roles/proxy/upstream/response-reader.ts";

/** Reads `text` in pieces cut at `cuts`. */
function read(text: string, cuts: readonly number[] = [], method = "GET") {
  const reader = new ResponseReader(method);
  const bytes = Buffer.from(text, "latin1");
  const body: Buffer[] = [];
  let from = 0;
  for (const to of [...new Set([...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort((a, b) => a - b)) {
    body.push(...reader.push(bytes.subarray(from, to)));
    from = to;
  }
  return { reader, body: Buffer.concat(body).toString("latin1") };
}

const answers = [
  { text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", body: "hello", isKeptAlive: true },
  { text: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", body: "", isKeptAlive: true },
  {
    text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
    body: "abc0123456789",
    isKeptAlive: true,
  },
  { text: "HTTP/1.1 204 No Content\r\n\r\n", body: "", isKeptAlive: true },
  { text: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", body: "ok", isKeptAlive: false },
];

describe("an upstream's answer", () => {
  test("is read the same however it is cut", () => {
    fc.assert(
      fc.property(fc.constantFrom(...answers), fc.array(fc.nat(150), { maxLength: 20 }), (answer, cuts) => {
        const { reader, body } = read(answer.text, cuts);
        expect(body).toBe(answer.body);
        expect(reader.isDone).toBe(true);
        expect(reader.head?.isKeptAlive).toBe(answer.isKeptAlive);
      }),
    );
  });

  test("without a length lasts until the connection ends", () => {
    const { reader, body } = read("HTTP/1.1 200 OK\r\n\r\nall of it");
    expect(body).toBe("all of it");
    expect(reader.isDone).toBe(false);
    expect(reader.end()).toBe(true);
  });

  test("that ends too early is not complete", () => {
    expect(read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").reader.end()).toBe(false);
    expect(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").reader.end()).toBe(false);
    expect(read("HTTP/1.1 200 OK\r\nConte").reader.end()).toBe(false);
  });

  test("to HEAD has no body, whatever its length says", () => {
    const { reader } = read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", [], "HEAD");
    expect(reader.isDone).toBe(true);
  });

  test.each([
    "HTTP/2 200 OK\r\n\r\n",
    "200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"a".repeat(70_000)}`,
  ])("that is ambiguous or no HTTP is refused: %j", (text) => {
    expect(() => read(text)).toThrow();
  });
});
