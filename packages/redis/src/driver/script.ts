import { createHash } from "node:crypto";
import type { RedisScript } from "./driver.ts";

export function scriptOf(text: string): RedisScript {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
