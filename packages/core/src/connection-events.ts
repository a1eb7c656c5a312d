import type { CloseInfo } from "./close-code.ts";
import type { ConnectionError } from "./errors.ts";
import type { StreamedMessage } from "./incoming-stream.ts";
import type { Message } from "./message.ts";

/** What a connection tells the one that runs its handler. None of these may throw. */
export interface ConnectionEvents<Session> {
  /** `open` has not settled in its time. */
  late(session: Session): void;
  message(session: Session, message: Message): void;
  stream(session: Session, message: StreamedMessage): void;
  ping(session: Session, data: Buffer): void;
  pong(session: Session, data: Buffer): void;
  drain(session: Session): void;
  error(session: Session, error: ConnectionError): void;
  close(session: Session, info: CloseInfo): void;
}
