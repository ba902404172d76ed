"""The ground floor: safe reading of pictures, and resumable runs over folders."""
