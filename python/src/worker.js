// What the worker needs beside the interpreter, behind the glue of wasm-bindgen.

// Blocks for some milliseconds. Memory that could be shared, and is not, allows a real
// wait; where a browser has none, the worker computes until the time is over.
const waited = (() => {
  try {
    return new Int32Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer);
  } catch {
    return null;
  }
})();
self.pause = (millis) => {
  // What Python is asked to sleep is cut to whole milliseconds, of which the clock has
  // nothing but whole ones, too: one more, so that no sleep is seen to end early.
  const end = Date.now() + millis + 1;
  try {
    Atomics.wait(waited, 0, 0, millis + 1);
  } catch {
    // There is no such memory.
  }
  while (Date.now() < end);
};

// The page's one message: what is to be run, and the compiled interpreter.
onmessage = async ({ data }) => {
  try {
    await wasm_bindgen({ module_or_path: data.module });
    if (data.checks) wasm_bindgen.check(data.source, data.file, data.chinese);
    else wasm_bindgen.run(data.source, data.file, data.arguments, data.address, data.token);
  } catch (error) {
    // Recursion without end runs out of the engine's stack, not of Python's.
    postMessage(["broken", String(error)]);
  }
};
