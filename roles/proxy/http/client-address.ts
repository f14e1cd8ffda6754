import { BlockList, isIP } from "node:net";
import type { RequestHead } from "./request-head.ts";
import { headerOf } from "./request-head.ts";

/** Who is asking, and what the upstream is told of it. */
export interface Client {
  /** Of the connection, or what a trusted proxy says. */
  readonly address: string;
  readonly forwarded: { readonly for: string; readonly proto: string; readonly host: string };
}

/** The proxies whose `X-Forwarded-*` headers are believed. */
export class TrustedProxies {
  readonly #list = new BlockList();

  /**
   * @param entries addresses, or networks like 10.0.0.0/8
   * @throws Error for an entry that is neither
   */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [address = "", bits] = entry.split("/");
      const family = isIP(address);
      if (family === 0) throw new Error(`${entry}: expected an address or a network like 10.0.0.0/8`);
      const kind = family === 6 ? "ipv6" : "ipv4";
      if (bits === undefined) this.#list.addAddress(address, kind);
      else this.#list.addSubnet(address, Number(bits), kind);
    }
  }

  has(address: string): boolean {
    return isIP(address) !== 0 && this.#list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  }

  /** Who asks through `peer`. When that is a trusted proxy: the last address of X-Forwarded-For that is not a trusted proxy's. */
  clientOf(peer: string, isTls: boolean, head: RequestHead): Client {
    const own = { for: peer, proto: isTls ? "https" : "http", host: head.host };
    if (!this.has(peer)) return { address: peer, forwarded: own };
    const chain = (textOf(head, "x-forwarded-for") ?? "")
      .split(",")
      .map((hop) => plainAddress(hop.trim()))
      .filter((hop) => isIP(hop) !== 0);
    const proto = textOf(head, "x-forwarded-proto");
    const host = textOf(head, "x-forwarded-host");
    return {
      address: chain.findLast((hop) => !this.has(hop)) ?? chain[0] ?? peer,
      forwarded: {
        for: [...chain, peer].join(", "),
        proto: proto === "http" || proto === "https" ? proto : own.proto,
        host: host && /^[\w.:[\]-]{1,255}$/.test(host) ? host : own.host,
      },
    };
  }
}

/** The address without the prefix that an IPv4 client has on a socket of both families. */
export function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:(?=\d+\.)/i, "");
}

function textOf(head: RequestHead, name: string): string | undefined {
  return headerOf(head.headers, name);
}
