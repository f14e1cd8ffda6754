import { describe, expect, test } from "bun:test";
import { plainAddress, TrustedProxies } from "../../../../roles/proxy/http/client-address.ts";
import { readHead } from "../../../../roles/proxy/http/request-head.ts";

describe("a client's address", () => {
  const headOf = (forwarded: string) =>
    readHead(`GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: ${forwarded}\r\nX-Forwarded-Proto: https`);
  const trusted = new TrustedProxies(["10.0.0.0/8", "2001:db8::1"]);

  test("is the connection's when that is no trusted proxy's", () => {
    const client = trusted.clientOf("192.0.2.1", false, headOf("198.51.100.1"));
    expect(client).toEqual({ address: "192.0.2.1", forwarded: { for: "192.0.2.1", proto: "http", host: "h" } });
  });

  test("is the last untrusted one that a trusted proxy tells", () => {
    const client = trusted.clientOf("10.1.2.3", false, headOf("203.0.113.9, 198.51.100.1, 10.0.0.9"));
    expect(client.address).toBe("198.51.100.1");
    expect(client.forwarded).toMatchObject({ for: "203.0.113.9, 198.51.100.1, 10.0.0.9, 10.1.2.3", proto: "https" });
  });

  test("loses the IPv6 form of IPv4", () => {
    expect(plainAddress("::ffff:192.0.2.1")).toBe("192.0.2.1");
    expect(() => new TrustedProxies(["proxy.example"])).toThrow("expected an address or a network");
  });
});
