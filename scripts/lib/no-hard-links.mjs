// Loaded into a process (`node --import`), this makes every file system one without hard links, as exFAT, FAT and many
// network drives are.
import promises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

promises.link = async () => {
  throw Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
};
syncBuiltinESMExports();
