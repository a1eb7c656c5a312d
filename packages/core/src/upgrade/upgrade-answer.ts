import type { ServerResponse } from "node:http";
import type { OnFailure } from "../base/guard.ts";
import { Refusal, sendRefusal } from "../checks/refusal.ts";

/** What a route answers to the HTTP request: a refusal as it stands, or status 101 and nothing else. */
export interface UpgradeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The yes; the headers of the handshake are added where it is written. */
export const SWITCHING: UpgradeAnswer = { status: 101, headers: {}, body: "" };

/** Writes it to `res`, unless another part of the application has answered. Never throws. @param failed Gets what `res` throws. */
export function sendAnswer(res: ServerResponse, answer: UpgradeAnswer | Refusal, failed: OnFailure): void {
  if (answer instanceof Refusal) return sendRefusal(res, answer, failed);
  if (res.headersSent) return;
  try {
    res.writeHead(answer.status).end();
  } catch (error) {
    failed(error);
    res.socket?.destroy();
  }
}
