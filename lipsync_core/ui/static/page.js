// The page's own script: the sound of the live picture, in time with what is painted; keys; which button is there.
"use strict";
window.lipsync = (() => {
  const RATE = 48000; // samples a second
  const MEDIAN = 15; // pictures whose delay is looked at
  const FAR = 100, NEAR = 40; // ms between picture and sound: put right at once; put right where it is quiet
  const QUIET = 0.01; // of the loudest sample
  const LOST = 600; // ms without a picture, after which sound begins without one
  let context = null, gain = null, heard = true, player = null;
  let coming = null; // number of the example that is being filled in, to be spoken then
  let clicks = 0; // of examples

  function listen() { // only while the visitor does something may a page begin to sound
    if (!context) {
      context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
      gain = context.createGain();
      gain.gain.value = heard ? 1 : 0;
      gain.connect(context.destination);
    }
    if (context.state === "suspended") context.resume().catch(() => {});
  }

  // When, on the page's clock in ms, what the context plays at its time 0 is heard.
  function origin() {
    const stamp = context.getOutputTimestamp?.();
    if (stamp?.performanceTime > 0 && stamp.contextTime > 0) return stamp.performanceTime - stamp.contextTime * 1000;
    return performance.now() - (context.currentTime - (context.outputLatency || context.baseLatency || 0)) * 1000;
  }

  const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

  class Player {
    constructor() {
      this.name = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      this.blocks = []; // {start, samples, peak, node}
      this.delays = []; // of painted pictures: page clock minus the picture's time, ms
      this.zero = null; // context time at which sample 0 is played
      this.over = false;
      this.control = new AbortController();
      this.read().catch(() => {});
    }

    async read() {
      const root = window.gradio_config?.root || location.href.replace(/[?#].*$/, "").replace(/\/$/, "");
      const response = await fetch(`${root}/page/sound/${this.name}`, { signal: this.control.signal, cache: "no-store" });
      if (!response.ok) return;
      const reader = response.body.getReader();
      let data = new Uint8Array(0);
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const joined = new Uint8Array(data.length + value.length);
        joined.set(data); joined.set(value, data.length); data = joined;
        while (data.length >= 8) {
          const view = new DataView(data.buffer, data.byteOffset), start = view.getUint32(0, true), count = view.getUint32(4, true);
          if (data.length < 8 + 2 * count) break;
          if (!count) { this.over = true; data = data.slice(8); continue; }
          const samples = new Float32Array(count);
          let peak = 0;
          for (let k = 0; k < count; k++) { samples[k] = view.getInt16(8 + 2 * k, true) / 32768; peak = Math.max(peak, Math.abs(samples[k])); }
          data = data.slice(8 + 2 * count);
          this.add({ start, samples, peak, node: null });
        }
      }
    }

    add(block) {
      this.blocks.push(block);
      while (this.blocks.length && this.zero !== null && this.zero + this.end(this.blocks[0]) < context.currentTime - 2) this.blocks.shift();
      if (this.zero !== null) this.schedule(block);
      else this.waited ??= setTimeout(() => { if (this.zero === null && !this.silent) this.anchor(performance.now()); }, LOST);
    }

    end(block) { return (block.start + block.samples.length) / RATE; }

    schedule(block) {
      const now = context.currentTime, at = this.zero + block.start / RATE, late = Math.max(0, now - at);
      if (late >= block.samples.length / RATE) return; // its time is over
      const buffer = context.createBuffer(1, block.samples.length, RATE);
      buffer.copyToChannel(block.samples, 0);
      const node = block.node = context.createBufferSource();
      node.buffer = buffer;
      node.connect(gain);
      node.start(Math.max(at, now), late);
    }

    anchor(base) { // base: the page's clock, in ms, at which sample 0 is to be heard
      this.zero = Math.round((base - origin()) / 1000 * RATE) / RATE;
      for (const block of this.blocks) {
        try { block.node?.stop(); } catch { /* it has not begun */ }
        block.node?.disconnect();
        block.node = null;
        this.schedule(block);
      }
    }

    painted(moment, now) {
      this.delays.push(now - moment);
      if (this.delays.length > MEDIAN) this.delays.shift();
      const base = median(this.delays);
      if (this.silent) return;
      if (this.zero === null) {
        if (context?.state === "running" && this.delays.length >= 3) this.anchor(base);
        return;
      }
      if (this.delays.length < 3) return;
      const apart = base - (origin() + this.zero * 1000);
      const quiet = this.blocks.every((one) => one.peak < QUIET || this.zero + one.start / RATE > context.currentTime + 0.1 || this.zero + this.end(one) < context.currentTime);
      if (Math.abs(apart) > FAR || (Math.abs(apart) > NEAR && quiet)) this.anchor(base);
      this.apart = now - moment - (origin() + this.zero * 1000);
      const shown = document.getElementById("sync");
      if (shown && now - (this.told || 0) > 300) { this.told = now; shown.textContent = Math.round(median(this.delays) - origin() - this.zero * 1000); }
    }

    close() {
      this.silent = true;
      this.control.abort();
      for (const block of this.blocks) try { block.node?.stop(); } catch { /* it has not begun */ }
      this.blocks = [];
    }
  }

  // Every picture tells its moment in its address; it is painted with the frame after it has loaded.
  document.addEventListener("load", (event) => {
    const found = event.target instanceof HTMLImageElement && /^data:image\/jpeg;t=([\d.]+);at=([\d.]+);/.exec(event.target.src.slice(0, 80));
    if (found) requestAnimationFrame(() => {
      const now = performance.now(), moment = Number(found[1]);
      lipsync.pictures += 1;
      player?.painted(moment, now);
      lipsync.log?.push({ moment, now, apart: player?.apart, delay: performance.timeOrigin + now - Number(found[2]) });
    });
  }, true);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
      event.preventDefault();
      document.getElementById("speak")?.click();
    }
  }, true);
  // A list that scrolls is a stop of the Tab key, and this one closes as soon as its menu is left: pass it by.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab") for (const list of document.querySelectorAll("ul[role=listbox]")) list.tabIndex = -1;
  }, true);
  // A menu is searched by typing over what is chosen.
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches?.("[role=listbox], [role=combobox]") && target instanceof HTMLInputElement) setTimeout(() => target.select());
  });
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, listen, true);

  // The panel is made anew all the time; its buttons press those of the page.
  document.addEventListener("click", ({ target }) => {
    const pressed = target.closest?.("#panel [data-press]");
    if (pressed) document.getElementById(pressed.dataset.press).click();
  });

  // Gradio calls the faces "Thumbnail 1 of 5", and the picture nothing.
  function label() {
    for (const face of document.querySelectorAll("#faces .thumbnail-item")) {
      const name = face.querySelector("img")?.alt, pressed = String(face.classList.contains("selected"));
      if (name && face.ariaLabel !== name) face.ariaLabel = name;
      if (face.ariaPressed !== pressed) face.ariaPressed = pressed;
    }
    const picture = document.querySelector("#live-picture button");
    if (picture && !picture.ariaLabel) { picture.ariaLabel = "Lipsync Studio"; picture.tabIndex = -1; }
    state(Boolean(document.querySelector("#panel .busy")));
  }
  let asked = false; // ten times a second at most: a live picture changes the page more often
  new MutationObserver(() => {
    if (asked) return;
    asked = true;
    setTimeout(() => { asked = false; label(); }, 100);
  }).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });

  // The panel tells whether a run is on, also where it ends in an error; Speak and Stop share one place.
  function state(speaking) {
    if (document.body.classList.contains("speaking") === speaking) return;
    const held = document.activeElement?.id;
    document.body.classList.toggle("speaking", speaking);
    if (speaking && innerWidth <= 760) document.getElementById("stage")?.scrollIntoView({ block: "start" });
    if (speaking && held === "speak") document.getElementById("stop")?.focus();
    if (!speaking && held === "stop") document.getElementById("speak")?.focus();
  }

  return {
    pictures: 0,
    log: null, // set to [] to have it filled
    get player() { return player; },
    get context() { return context; },
    get gain() { return gain; },
    example(number, given) { // the last input tells the order of clicks, which the network may change
      coming = number;
      return [...given.slice(0, -1), ++clicks];
    },
    follow(number, given) { // Gradio starts no run where this throws, and says nothing of it
      if (coming !== number) throw new Error("Stop, Speak or another example was pressed since");
      return this.begin(given);
    },
    begin(given) { // the last input is the name by which this page listens
      coming = null;
      listen();
      player?.close();
      player = new Player();
      return [...given.slice(0, -1), player.name];
    },
    arrived() { document.body.classList.add("arrived"); return []; },
    stop() { // a run that has not begun yet is known by its name
      coming = null;
      player?.close();
      return [player?.name ?? ""];
    },
    hear(on) { heard = on; if (gain) gain.gain.setTargetAtTime(on ? 1 : 0, context.currentTime, 0.01); return []; },
  };
})();
