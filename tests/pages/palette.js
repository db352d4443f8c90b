// A picture with the 256 colours that it has most of, as PNG (ISO/IEC 15948, colour type 3): a third of the bytes.
async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (one) => one.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.drawImage(bitmap, 0, 0);
  const seen = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);
  const times = new Map();
  for (const one of seen) times.set(one, (times.get(one) || 0) + 1);
  const parts = (one) => [one & 255, (one >> 8) & 255, (one >> 16) & 255];
  const near = new Map(); // of colours that hardly differ one: a small red sign counts for more than a grey edge
  for (const [one, often] of times) {
    const [red, green, blue] = parts(one);
    const at = ((red >> 3) << 10) | ((green >> 3) << 5) | (blue >> 3);
    const vivid = 1 + (Math.max(red, green, blue) - Math.min(red, green, blue)) / 8;
    const had = near.get(at) || { weight: 0, often: 0, one };
    near.set(at, { weight: had.weight + often * vivid, often: Math.max(had.often, often), one: often > had.often ? one : had.one });
  }
  const kept = [...near.values()].sort((a, b) => b.weight - a.weight).slice(0, 256).map(({ one }) => one);
  const palette = kept.map(parts);
  const index = new Map(kept.map((one, at) => [one, at]));
  const nearest = (one) => {
    const [red, green, blue] = parts(one);
    let best = 0, least = Infinity;
    palette.forEach(([r, g, b], at) => {
      const far = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
      if (far < least) [best, least] = [at, far];
    });
    index.set(one, best);
    return best;
  };
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const one = seen[y * width + x];
      rows[y * (width + 1) + x + 1] = index.get(one) ?? nearest(one);
    }
  const packed = new Uint8Array(
    await new Response(new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer());
  const table = Uint32Array.from({ length: 256 }, (_, at) => {
    for (let bit = 0; bit < 8; bit++) at = at & 1 ? 0xedb88320 ^ (at >>> 1) : at >>> 1;
    return at;
  });
  const chunk = (name, data) => {
    const made = new Uint8Array(data.length + 12);
    const view = new DataView(made.buffer);
    view.setUint32(0, data.length);
    made.set([...name].map((one) => one.charCodeAt(0)), 4);
    made.set(data, 8);
    let sum = 0xffffffff;
    for (const one of made.subarray(4, data.length + 8)) sum = table[(sum ^ one) & 255] ^ (sum >>> 8);
    view.setUint32(data.length + 8, ~sum >>> 0);
    return made;
  };
  const head = new Uint8Array(13);
  new DataView(head.buffer).setUint32(0, width);
  new DataView(head.buffer).setUint32(4, height);
  head.set([8, 3, 0, 0, 0], 8);
  const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
  const file = new Blob([signature, chunk("IHDR", head), chunk("PLTE", Uint8Array.from(palette.flat())),
    chunk("IDAT", packed), chunk("IEND", new Uint8Array())]);
  const made = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < made.length; at += 8192) text += String.fromCharCode(...made.subarray(at, at + 8192));
  return btoa(text);
}
