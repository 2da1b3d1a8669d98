// ZIP archives of files that the page makes.

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Pack files, [path, blob] each, as a ZIP archive (PKWARE's APPNOTE 6.3): deflated, names in UTF-8. */
export async function zip(files, time = new Date()) {
  const parts = [];
  const directory = [];
  let offset = 0;
  const day = ((time.getFullYear() - 1980) << 9) | ((time.getMonth() + 1) << 5) | time.getDate();
  const clock = (time.getHours() << 11) | (time.getMinutes() << 5) | (time.getSeconds() >> 1);
  for (const [path, blob] of files) {
    const name = new TextEncoder().encode(path);
    const content = new Uint8Array(await blob.arrayBuffer());
    const packed = new Uint8Array(await new Response(blob.stream().pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer());
    // version needed, flags (UTF-8), method (deflate), time, day, checksum, sizes, length of the name, no extra field
    const common = [[20, 2], [0x800, 2], [8, 2], [clock, 2], [day, 2], [crc32(content), 4], [packed.length, 4], [content.length, 4], [name.length, 2], [0, 2]];
    parts.push(record([[0x04034b50, 4], ...common]), name, packed);
    directory.push(record([[0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]), name);
    offset += 30 + name.length + packed.length;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const end = record([[0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [length, 4], [offset, 4], [0, 2]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** Little-endian integers, each [value, bytes]. */
function record(fields) {
  const bytes = fields.flatMap(([value, size]) => Array.from({ length: size }, (_, k) => (value >>> (8 * k)) & 255));
  return Uint8Array.from(bytes);
}
