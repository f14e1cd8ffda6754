import type { Client } from "./client-address.ts";
import type { Place } from "./in-flight.ts";
import type { RequestBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseWriter } from "./response-writer.ts";

/** One request and all that is known of it. */
export interface Call {
  readonly head: RequestHead;
  readonly client: Client;
  readonly body: RequestBody;
  readonly response: ResponseWriter;
  readonly place: Place;
  /** Aborted when the client has gone before it had its answer. */
  readonly signal: AbortSignal;
  /** The client waits for `100 Continue` before it sends its body. */
  is_waiting: boolean;
}

/** Lets a client that waits for `100 Continue` send its body. */
export function letSend(call: Pick<Call, "is_waiting" | "response">): void {
  if (!call.is_waiting) return;
  call.is_waiting = false;
  call.response.writeContinue();
}
