import type { IncomingMessage } from "node:http";
import { targetKey } from "../base/cross-copy.ts";

interface TargetCarrier {
  [targetKey]?: string;
  readonly originalUrl?: unknown;
}

/** Call it before the application sees the request: routers cut the path that they are mounted at off `req.url`. */
export function rememberTarget(req: IncomingMessage): void {
  (req as TargetCarrier)[targetKey] ??= req.url ?? "/";
}

/**
 * The request target as the client sent it. Of a request that was not remembered, what the framework kept: Express and Koa
 * put `originalUrl` on Node's request, Fastify has it on its own.
 */
export function sentTarget(req: IncomingMessage, native?: unknown): string {
  const { [targetKey]: remembered, originalUrl } = req as TargetCarrier;
  if (remembered !== undefined) return remembered;
  if (typeof originalUrl === "string") return originalUrl;
  const kept = (native as TargetCarrier | null | undefined)?.originalUrl;
  return typeof kept === "string" ? kept : (req.url ?? "/");
}

/**
 * RFC 9112 §3.2: the target of a GET is a path, or (§3.2.2) a whole URL for the host that the Host header names too.
 * Routers let more pass: they cut off the first character of `*ws`, whatever it is.
 */
export function isGetTarget(target: string, host: string | undefined): boolean {
  if (target.startsWith("/")) return true;
  const authority = /^https?:\/\/([^/?#]+)/i.exec(target)?.[1];
  return authority !== undefined && authority.toLowerCase() === host?.toLowerCase();
}
