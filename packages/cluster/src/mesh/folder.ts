import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What follows the folder in the path of a socket: a slash, a name of a node, and `.sock`. Bytes. */
const NAME_BYTES = 1 + 16 + 5;
/** Only the owner may enter, read and write. */
const MODE = 0o700;

/** The folder for the processes of one user that were started in the same directory. */
export function defaultFolder(): string {
  const app = createHash("sha256").update(process.cwd()).digest("hex").slice(0, 12);
  return join(tmpdir(), `upwire-${process.getuid?.() ?? 0}-${app}`);
}

/**
 * Makes the folder if there is none. A user who may write into it may take part in the mesh, so a folder that other users can enter is refused.
 * @throws Error that says what is wrong with it, and what would be right.
 */
export async function openFolder(folder: string): Promise<void> {
  if (process.platform === "win32") throw new Error("meshBroker: it needs Unix sockets in a folder, which Windows does not have; use another broker");
  checkLength(folder);
  await mkdir(folder, { recursive: true, mode: MODE }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EEXIST")
      throw new Error(`meshBroker: the folder ${folder} cannot be made (${cause.code ?? cause.message}); give one in a directory that this user can write`, {
        cause,
      });
  });
  const found = await lstat(folder);
  const user = process.getuid?.();
  if (!found.isDirectory()) throw new Error(`meshBroker: the folder ${folder} is not a directory; give the path of one, or of none yet`);
  if (user !== undefined && found.uid !== user) {
    throw new Error(`meshBroker: the folder ${folder} belongs to the user ${found.uid}, and this process runs as ${user}; give a folder of this user`);
  }
  if ((found.mode & 0o077) !== 0 || (found.mode & MODE) !== MODE) {
    throw new Error(
      `meshBroker: the folder ${folder} has the mode ${(found.mode & 0o777).toString(8).padStart(4, "0")}, where 0700 is needed; run chmod 700 on it, or give another one`,
    );
  }
}

/** The kernel cuts off longer paths of sockets, or refuses them with an error that does not say why. */
function checkLength(folder: string): void {
  const max = (process.platform === "linux" ? 107 : 103) - NAME_BYTES;
  const bytes = Buffer.byteLength(folder);
  if (bytes > max)
    throw new Error(
      `meshBroker: the folder ${folder} has a path of ${bytes} bytes, where at most ${max} are allowed, since the path of a socket is short; give a shorter one`,
    );
}
