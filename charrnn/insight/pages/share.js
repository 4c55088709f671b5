// -- the page -------------------------------------------------------------------------------------------------------

const byId = (id) => document.getElementById(id);
const model = loadModel(JSON.parse(byId("model").textContent), byId("weights").textContent);
const CHUNK = 12; // milliseconds of writing before the page may show it, and look at what is clicked
let writer = null, writing = false;

function say(text) {
  byId("status").textContent = text;
}

function show(piece, kind) {
  const span = document.createElement("span");
  if (kind) span.className = kind;
  span.textContent = piece;
  byId("text").append(span);
}

function running(on) {
  writing = on;
  byId("write").textContent = on ? "Stop" : "Write";
  byId("more").disabled = on || !writer;
  byId("copy").disabled = !writer;
}

/** Let the browser draw and listen, without the delay that timers have. */
const pause = () => new Promise((resolve) => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => (channel.port1.close(), resolve());
  channel.port2.postMessage(null);
});

/** Write the number of characters in the form, or until stopped. */
async function write() {
  const length = byId("length").valueAsNumber, start = performance.now();
  let done = 0, busy = 0;
  running(true);
  say("Writing …");
  while (done < length && writing) {
    const began = performance.now();
    let piece = "";
    do {
      piece += writer.next();
      done++;
    } while (done < length && performance.now() - began < CHUNK);
    busy += performance.now() - began;
    show(piece);
    await pause();
  }
  running(false);
  const rate = busy > 0 ? `, ${Math.round((1000 * done) / busy).toLocaleString("en")} a second` : "";
  say(`${done.toLocaleString("en")} characters${rate}. Seed ${writer.seed}.`);
  byId("text").dataset.done = "true"; // for who drives the page
}

function begin() {
  const given = byId("seed").value.trim();
  const seed = given || String(crypto.getRandomValues(new Uint32Array(1))[0]);
  writer = new Writer(model, { prompt: byId("prompt").value, seed, temperature: byId("temperature").valueAsNumber });
  writer.seed = seed;
  byId("text").replaceChildren();
  delete byId("text").dataset.done;
  show(writer.prompt, "prompt");
  write();
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (writing) writing = false;
  else begin();
});
byId("more").addEventListener("click", write);
byId("copy").addEventListener("click", async () => {
  const text = byId("text").textContent;
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch { // some browsers refuse pages that are files
    getSelection().selectAllChildren(byId("text"));
    say(document.execCommand("copy") ? "Copied." : "Selected: copy it with the keyboard.");
  }
});
byId("temperature").addEventListener("input", () => {
  byId("shown").textContent = byId("temperature").valueAsNumber.toFixed(2);
});

/** An address that ends in #prompt=…&seed=…&length=…&temperature=…&write fills the form, and has it written. */
const wished = new URLSearchParams(location.hash.slice(1));
for (const name of ["prompt", "seed", "length", "temperature"]) {
  if (wished.has(name)) byId(name).value = wished.get(name);
}
byId("temperature").dispatchEvent(new Event("input"));
if (wished.has("write") && byId("form").reportValidity()) begin();
