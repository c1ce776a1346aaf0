// Package file keeps each grant in an encrypted file of its own. It is the command line's default store.
//
//	Dir/grants/prod.grant    the grant: JSON in AES-256-GCM, bound to its alias
//	Dir/locks/prod.lock      the kernel lock of its lease; empty, and never removed
//	Dir/spool/prod.spool     an answer that could not be saved, if there ever was one
//
// Files are 0600 in directories 0700. Anything wider, somebody else's, or a symbolic link is refused, not mended.
//
// # Saving
//
// A save writes a temporary file, syncs it, renames it and syncs the directory, so that a crash leaves the old or the new
// grant and a save that returned nil is on the disk. Lease.Probe sets a file of 64 KiB or more aside on the disk; a save
// that then finds the disk full uses it. That holds where files are overwritten in place (ext4, xfs, tmpfs) and not on
// btrfs or zfs.
//
// The lease is a kernel lock (flock, LockFileEx) that dies with its process, not a file with a time on it. It does not
// reach across machines on every network file system: one data directory belongs to one machine.
//
// # Spooling
//
// When a save fails, Spool writes the grant to SpoolDir, and the next Lease puts it into its place: see package
// internal/spool. Delete removes the spool first, so that a deleted grant does not come back.
//
// # What it does not do
//
// An older copy of a grant's file, put back from a backup, opens: it is authentic. File names tell the aliases. The lock of
// a grant stays when the grant is deleted.
package file
