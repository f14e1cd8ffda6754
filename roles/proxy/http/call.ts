import type { Clock } from "#shared/time/clock.ts";
import type { Place } from "../bounds/in-flight.ts";
import type { Client } from "./client-address.ts";
import type { RequestBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseWriter } from "./response-writer.ts";

/** One request, and what is known of it. */
export interface Call {
  readonly head: RequestHead;
  readonly client: Client;
  readonly body: RequestBody;
  readonly response: ResponseWriter;
  readonly place: Place;
  readonly clock: Clock;
  /** Aborted when the client goes before it has its whole answer. */
  readonly signal: AbortSignal;
  /** The client waits for `100 Continue` before it sends its body. */
  isWaiting: boolean;
}

/** Lets a client that waits for `100 Continue` send its body. */
export function letSend(call: Pick<Call, "isWaiting" | "response">): void {
  if (!call.isWaiting) return;
  call.isWaiting = false;
  call.response.writeContinue();
}
