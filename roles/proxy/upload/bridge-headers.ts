import type { Call } from "../http/call.ts";
import { headerOf } from "../http/request-head.ts";
import type { Headers } from "../upstream/response-reader.ts";

/** An upload that passed every check, and the challenge that gets it. */
export interface BridgedUpload {
  readonly host: string;
  readonly token: string;
  readonly slug: string;
  readonly hotkey: string;
  readonly nonce: string;
  readonly uid: number | null;
  readonly body: { readonly sha256: string };
}

/** The headers with which a challenge gets an upload (contract §3). */
export function bridgeHeaders({ head, client }: Pick<Call, "head" | "client">, upload: BridgedUpload): Headers {
  const { host, token, slug, hotkey, nonce, uid, body } = upload;
  const filename = headerOf(head.headers, "x-submission-filename");
  return [
    ["Host", host],
    ["Authorization", `Bearer ${token}`],
    ["X-Platform-Challenge-Slug", slug],
    ["X-Platform-Verified-Hotkey", hotkey],
    ["X-Platform-Verified-Nonce", nonce],
    ...(uid === null ? [] : [["X-Platform-Verified-Uid", String(uid)] as const]),
    ["X-Platform-Request-Hash", body.sha256],
    ["Content-Type", headerOf(head.headers, "content-type") || "application/octet-stream"],
    ["Accept", "application/json"],
    ["Accept-Encoding", "identity"],
    ...(filename === undefined ? [] : [["X-Submission-Filename", filename] as const]),
    ["X-Request-Id", head.requestId],
    ["X-Forwarded-For", client.forwarded.for],
    ["X-Forwarded-Proto", client.forwarded.proto],
    ["X-Forwarded-Host", client.forwarded.host],
  ];
}
