import type { Session } from "./session.ts";

/** One JSON-RPC method. @throws RpcError for a refusal that the caller may see */
export type Method = (params: readonly unknown[], session: Session) => unknown;
export type Methods = Readonly<Record<string, Method>>;
