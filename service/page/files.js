// Files that the page makes, and saving them.

/** Save a blob as a file. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = fileName(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** A name without characters that file systems refuse. */
export const fileName = (name) => name.replaceAll(/[\s\\/:*?"<>|\p{Cc}]+/gu, " ").trim();

export const toBlob = (canvas) => new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("toBlob"))), "image/png"));

