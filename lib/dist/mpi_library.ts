import { InputError } from "../errors.ts";

/** Open MPI 3 to 5 call it so. */
const LIBRARY = "libmpi.so.40";

const SYMBOLS = {
  MPI_Init_thread: { parameters: ["pointer", "pointer", "i32", "buffer"], result: "i32" },
  MPI_Finalize: { parameters: [], result: "i32" },
  MPI_Comm_rank: { parameters: ["pointer", "buffer"], result: "i32" },
  MPI_Comm_size: { parameters: ["pointer", "buffer"], result: "i32" },
  MPI_Comm_set_errhandler: { parameters: ["pointer", "pointer"], result: "i32" },
  MPI_Error_string: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  MPI_Isend: { parameters: ["buffer", "i32", "pointer", "i32", "i32", "pointer", "buffer"], result: "i32" },
  MPI_Irecv: { parameters: ["buffer", "i32", "pointer", "i32", "i32", "pointer", "buffer"], result: "i32" },
  MPI_Recv: { parameters: ["buffer", "i32", "pointer", "i32", "i32", "pointer", "buffer"], result: "i32" },
  MPI_Iprobe: { parameters: ["i32", "i32", "pointer", "buffer", "buffer"], result: "i32" },
  MPI_Test: { parameters: ["buffer", "buffer", "pointer"], result: "i32" },
  MPI_Ialltoallv: {
    parameters: [
      "buffer",
      "buffer",
      "buffer",
      "pointer",
      "buffer",
      "buffer",
      "buffer",
      "pointer",
      "pointer",
      "buffer",
    ],
    result: "i32",
  },
  MPI_Iallgatherv: {
    parameters: ["pointer", "i32", "pointer", "buffer", "buffer", "buffer", "pointer", "pointer", "buffer"],
    result: "i32",
  },
  // Open MPI's constants are addresses of these.
  ompi_mpi_comm_world: { type: "pointer" },
  ompi_mpi_byte: { type: "pointer" },
  ompi_mpi_float: { type: "pointer" },
  ompi_mpi_double: { type: "pointer" },
  ompi_mpi_errors_return: { type: "pointer" },
} as const;

/** Open MPI's functions, and its constants under their C names. */
export type MpiLibrary = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** MPI_THREAD_MULTIPLE: JavaScript and the library's own threads. */
const THREAD_MULTIPLE = 3;
/** MPI_MAX_ERROR_STRING of Open MPI. */
const MAX_MESSAGE = 256;

/** Where MPI is looked for; tests look elsewhere. */
export interface StartMpiOptions {
  /** Reads an environment variable. @default Deno.env.get */
  readonly env?: (name: string) => string | undefined;
  /** The library's name or path. @default "libmpi.so.40" */
  readonly library?: string;
}

/**
 * Loads Open MPI and starts it: once in a process.
 *
 * @throws {InputError} if there is no Open MPI, it may not be loaded, or this process was not started by its launcher.
 */
export function startMpi({ env = Deno.env.get, library = LIBRARY }: StartMpiOptions = {}): MpiLibrary {
  const refuse = (problem: string) => new InputError(`Cannot start MPI: ${problem}`);
  // Alone, Open MPI would take this process for a job of one.
  if (!["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"].some((name) => env(name) !== undefined)) {
    throw refuse(
      "expected a rank's environment, found none of OMPI_COMM_WORLD_SIZE, PMIX_RANK, PMI_RANK; " +
        "start the command by mpirun -np N or by srun --mpi=pmix",
    );
  }
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") {
    throw refuse(`expected the permission to load ${library}, found none; run with --allow-ffi`);
  }
  let mpi: MpiLibrary;
  try {
    mpi = Deno.dlopen(library, SYMBOLS).symbols;
  } catch (error) {
    const said = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ");
    throw refuse(
      `expected Open MPI's ${library}, found none (${said}); on Debian and Ubuntu: apt-get install openmpi-bin`,
    );
  }
  checkMpi(mpi, "MPI_Init_thread", mpi.MPI_Init_thread(null, null, THREAD_MULTIPLE, new Int32Array(1)));
  // Else an error ends the process before it can be told what was being done.
  mpi.MPI_Comm_set_errhandler(mpi.ompi_mpi_comm_world, mpi.ompi_mpi_errors_return);
  return mpi;
}

/** @throws {Error} if an MPI function gave an error code. */
export function checkMpi(mpi: MpiLibrary, name: string, code: number): void {
  if (code === 0) return;
  const text = new Uint8Array(MAX_MESSAGE);
  const length = new Int32Array(1);
  mpi.MPI_Error_string(code, text, length);
  throw new Error(`${name} failed: ${new TextDecoder().decode(text.subarray(0, length[0]))}`);
}
