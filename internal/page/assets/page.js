// What a page does beyond what it does without scripts: its figures go on, its times are
// in the browser's own zone, and a dropped file is taken.
"use strict";

(() => {
  const near = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const lang = document.documentElement.lang;
  const thisYear = new Intl.DateTimeFormat(lang, near);
  const otherYear = new Intl.DateTimeFormat(lang, { year: "numeric", ...near });
  const localise = (root) => {
    for (const t of root.querySelectorAll("time[datetime]")) {
      t.title = t.textContent;
      const when = new Date(t.dateTime);
      t.textContent = (when.getFullYear() === new Date().getFullYear() ? thisYear : otherYear).format(when);
    }
  };
  localise(document);

  // Each part of the figures that has changed is put in the place of what is there, but
  // for one in which somebody is.
  const live = document.getElementById("live");
  const pulse = document.getElementById("pulse");
  if (live && "live" in document.body.dataset) {
    let stream = null;
    let shown = new Map();
    const say = (text) => { if (pulse.textContent !== text) pulse.textContent = text; };
    const take = (html) => {
      const next = new DOMParser().parseFromString(html, "text/html");
      const now = new Map();
      for (const part of [...next.body.children]) {
        if (!part.id) continue;
        const raw = part.outerHTML;
        now.set(part.id, raw);
        const old = document.getElementById(part.id);
        if (shown.get(part.id) === raw || !old) continue;
        if (old.contains(document.activeElement) && document.activeElement !== old) {
          now.delete(part.id); // next time
          continue;
        }
        localise(part);
        for (const d of part.querySelectorAll("details[id]")) {
          const before = document.getElementById(d.id);
          if (before) d.open = before.open;
        }
        old.replaceWith(document.adoptNode(part));
      }
      shown = now;
    };
    const open = () => {
      if (stream || document.hidden) return;
      stream = new EventSource(location.href);
      stream.onmessage = (e) => { say(pulse.dataset.fine); take(e.data); };
      stream.onerror = () => {
        say(pulse.dataset.broken);
        if (stream.readyState === EventSource.CLOSED) {
          stream = null;
          setTimeout(open, 5000);
        }
      };
    };
    const close = () => { if (stream) stream.close(); stream = null; };
    // A hidden page asks for nothing.
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    window.addEventListener("pagehide", close);
    open();
  }

  // A time that is typed is likely of the browser's own zone.
  for (const zone of document.querySelectorAll("[data-zone]")) {
    if (!zone.value) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  }

  const drop = document.querySelector("[data-drop]");
  if (drop) {
    const file = drop.querySelector("input[type=file]");
    const name = drop.querySelector("[data-name]");
    const show = () => { name.textContent = file.files.length ? file.files[0].name : ""; };
    file.addEventListener("change", show);
    for (const kind of ["dragenter", "dragover"]) {
      drop.addEventListener(kind, (e) => { e.preventDefault(); drop.classList.add("over"); });
    }
    for (const kind of ["dragleave", "drop"]) {
      drop.addEventListener(kind, (e) => { e.preventDefault(); drop.classList.remove("over"); });
    }
    drop.addEventListener("drop", (e) => {
      if (e.dataTransfer.files.length) { file.files = e.dataTransfer.files; show(); }
    });
  }
})();
