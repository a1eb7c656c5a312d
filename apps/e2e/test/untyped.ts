// What is used here of packages whose types are packages of their own.
import { createRequire } from "node:module";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

const require = createRequire(import.meta.url);

/** The client of `ws`. */
export interface Socket {
  on(event: "open", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): void;
  on(event: "close", listener: (code: number, reason: Buffer) => void): void;
  send(data: string): void;
  close(): void;
  pause(): void;
}

export interface SocketOptions {
  readonly rejectUnauthorized?: boolean;
  readonly origin?: string;
}

export const { WebSocket } = require("ws") as {
  readonly WebSocket: new (url: string, protocols: readonly string[], options: SocketOptions) => Socket;
};

type Middleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

export const express = require("express") as () => RequestListener & {
  get(path: string, handler: unknown): void;
  use(middleware: Middleware): void;
};
