import { Type } from "@sinclair/typebox";
import { MasterKeyConfig } from "#shared/auth/config.ts";
import { DatabaseConfig } from "#shared/database/config.ts";
import { limits } from "#shared/schemas/limits.ts";
import { ports } from "#shared/swarm/addresses.ts";

const { proxy } = limits;
const File = (description: string) => Type.Optional(Type.String({ pattern: "^/", description }));

export const ProxyConfig = Type.Object(
  {
    ...DatabaseConfig,
    ...MasterKeyConfig,
    netuid: Type.Integer({ minimum: 0, maximum: 65_535, description: "the subnet's number on the chain" }),
    listen_host: Type.String({ default: "0.0.0.0", minLength: 1, description: "address to listen on" }),
    listen_port: Type.Integer({ minimum: 0, maximum: 65_535, default: ports.proxy, description: "the public port" }),
    public_socket: File("admin's socket with the public reads; public/public.sock in the run directory when not given"),
    tls_certificate: File(
      "PEM file of the certificate chain; with it the port speaks HTTPS; read again when it changes",
    ),
    tls_key: File("PEM file of the certificate's private key"),
    trusted_proxies: Type.Array(Type.String({ pattern: "^[0-9a-fA-F:.]+(/\\d{1,3})?$" }), {
      maxItems: 64,
      default: [],
      description: "addresses or networks whose X-Forwarded-* headers count",
    }),
    hotkey_allowlist: Type.Array(Type.String({ pattern: "^[1-9A-HJ-NP-Za-km-z]{46,50}$" }), {
      maxItems: 1_000,
      default: [],
      description: "hotkeys that may upload without a uid",
    }),
    metagraph_max_age_ms: Type.Integer({
      minimum: 1_000,
      default: proxy.metagraph_age_ms_max,
      description: "milliseconds after which the stored metagraph counts as none",
    }),
    submission_bytes_max: Type.Integer({
      minimum: 1,
      maximum: 100_000_000,
      default: proxy.submission_bytes_max,
      description: "bytes that a signed upload's body may have",
    }),
    uploads_per_minute_per_hotkey: Type.Integer({
      minimum: 0,
      default: proxy.uploads_per_minute_per_hotkey,
      description: "signed uploads that a hotkey may make in a minute; 0: no limit",
    }),
    uploads_per_minute_per_address: Type.Integer({
      minimum: 0,
      default: proxy.uploads_per_minute_per_address,
      description: "uploads, good or bad, that an address may make in a minute; 0: no limit",
    }),
    connections_max: Type.Integer({
      minimum: 1,
      default: proxy.connections_max,
      description: "connections that may be open at once",
    }),
    connections_per_address_max: Type.Integer({
      minimum: 1,
      default: proxy.connections_per_address_max,
      description: "connections that one address, unless it is a trusted proxy, may have open at once",
    }),
    in_flight_max: Type.Integer({
      minimum: 1,
      default: proxy.in_flight_max,
      description: "requests that may be under way at once, WebSockets included",
    }),
    in_flight_per_address_max: Type.Integer({
      minimum: 1,
      default: proxy.in_flight_per_address_max,
      description: "requests that one address, unless it is a trusted proxy, may have under way at once",
    }),
    in_flight_per_challenge_max: Type.Integer({
      minimum: 1,
      default: proxy.in_flight_per_challenge_max,
      description: "requests to one challenge that may be under way at once",
    }),
    held_bytes_max: Type.Integer({
      minimum: 1,
      default: proxy.held_bytes_max,
      description: "bytes that are held in memory for clients at once; at most a fifth of the container's memory limit",
    }),
    held_bytes_per_address_max: Type.Integer({
      minimum: 1,
      default: proxy.held_bytes_per_address_max,
      description: "bytes that are held in memory for one address at once; at least submission_bytes_max",
    }),
  },
  { additionalProperties: false },
);
