import { channel } from "node:diagnostics_channel";
import { guard } from "@upwire/core/adapter";

/** Tells of faults that belong to no call: on the channel `upwire:error`, and to `onError` of the options, or to stderr. Never throws. */
export function reporter(onError: ((error: unknown) => void) | undefined): (error: unknown) => void {
  const errors = channel("upwire:error");
  const tell = onError ?? ((error: unknown): void => console.error("upwire:", error));
  return (error) => {
    errors.publish({ error });
    // An `onError` that fails has nothing else to report to.
    guard(
      () => tell(error),
      () => {},
    );
  };
}
