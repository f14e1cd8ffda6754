/** A submission that came through the proxy, which verified its sender. */
export interface Upload {
  readonly hotkey: string;
  /** Null for a hotkey on the operator's allowlist, which has no uid. */
  readonly uid: number | null;
  readonly filename: string;
  readonly content_type: string;
  readonly body: Uint8Array;
}
