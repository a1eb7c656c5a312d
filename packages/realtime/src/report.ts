import { channel } from "node:diagnostics_channel";
import { guard, type ErrorSource } from "@upwire/core/adapter";

type OnError = (error: unknown, source: ErrorSource<never>) => void;

/** Tells of faults that belong to no connection: on the channel `upwire:error`, and to `onError` of the options, or to stderr. Never throws. */
export function reporter(onError: OnError | undefined): (error: unknown) => void {
  const errors = channel("upwire:error");
  const tell: OnError = onError ?? ((error) => console.error("upwire:", error));
  return (error) => {
    errors.publish({ error });
    // An `onError` that fails has nothing else to report to.
    guard(
      () => tell(error, {}),
      () => {},
    );
  };
}
