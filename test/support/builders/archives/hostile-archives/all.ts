import { blocks } from "./blocks.ts";
import { types } from "./entry-types.ts";
import { extended } from "./extended-headers.ts";
import { gzips } from "./gzip.ts";
import type { HostileArchive } from "./hostile-archive.ts";
import { limits } from "./limits.ts";
import { names } from "./names.ts";

export const hostileArchives: readonly HostileArchive[] = [
  ...names,
  ...types,
  ...extended,
  ...blocks,
  ...gzips,
  ...limits,
];
