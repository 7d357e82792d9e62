#!/bin/sh
# Makes the sample library again, from nothing but ffmpeg and Python with Pillow and mutagen.
# Run it only to change the samples: the results are part of the repository.
set -eu
cd "$(dirname "$0")"
rm -rf sample_library
mkdir -p "sample_library/Music/Sine & Sons" "sample_library/Music/The Oscillators" \
    sample_library/Pictures sample_library/Videos
cd sample_library

# tone FILTER SECONDS FILE ARTIST ALBUM TITLE TRACK [CODEC OPTIONS...]
tone() {
    filter=$1 seconds=$2 file=$3 artist=$4 album=$5 title=$6 track=$7
    shift 7
    ffmpeg -nostdin -hide_banner -loglevel error -y \
        -f lavfi -i "aevalsrc=$filter:s=44100:d=$seconds" \
        -af "afade=t=in:d=0.05,afade=t=out:st=$(echo "$seconds - 0.4" | bc):d=0.4" \
        -map_metadata -1 -fflags +bitexact -flags:a +bitexact \
        -metadata artist="$artist" -metadata album="$album" \
        -metadata title="$title" -metadata track="$track" -metadata date=2026 \
        "$@" "$file"
}

A="Sine & Sons"
tone "0.3*sin(440*2*PI*t)+0.2*sin(554.37*2*PI*t)+0.2*sin(659.25*2*PI*t)" 6 \
    "Music/$A/01 A Major Morning.mp3" "$A" "Pure Tones" "A Major Morning" 1 -c:a libmp3lame -b:a 64k
tone "0.4*sin(2*PI*(220*t+40*t*t))" 5 \
    "Music/$A/02 Rising.mp3" "$A" "Pure Tones" "Rising" 2 -c:a libmp3lame -b:a 64k
tone "0.4*sin(330*2*PI*t)*(0.6+0.4*sin(5*2*PI*t))" 7 \
    "Music/$A/03 Tremolo at Noon.ogg" "$A" "Pure Tones" "Tremolo at Noon" 3 -c:a libvorbis -q:a 1
tone "0.4*sin(196*2*PI*t+3*sin(3*2*PI*t))" 4 \
    "Music/$A/04 Vibrato Lullaby.m4a" "$A" "Pure Tones" "Vibrato Lullaby" 4 -c:a aac -b:a 48k

B="The Oscillators"
tone "0.3*sin(261.63*2*PI*t)*exp(-3*mod(t\,0.5))" 4 \
    "Music/$B/01 Pluck.flac" "$B" "Waveforms" "Pluck" 1 -ac 1 -sample_fmt s16
tone "0.2*(2*mod(110*t\,1)-1)" 5 \
    "Music/$B/02 Sawtooth Café.opus" "$B" "Waveforms" "Sawtooth Café" 2 -c:a libopus -b:a 32k -ar 48000
tone "0.15*sgn(sin(220*2*PI*t))" 3 \
    "Music/$B/03 Square Dance.wav" "$B" "Waveforms" "Square Dance" 3 -ac 1 -ar 22050 -c:a pcm_s16le

# The moving pictures: test patterns, one with sound.
ffmpeg -nostdin -hide_banner -loglevel error -y -f lavfi -i "testsrc2=s=320x180:r=25:d=3" \
    -f lavfi -i "sine=f=440:d=3" -map_metadata -1 -metadata title="Test Pattern" \
    -c:v libx264 -preset veryslow -crf 32 -pix_fmt yuv420p -c:a aac -b:a 32k "Videos/Test Pattern.mp4"
ffmpeg -nostdin -hide_banner -loglevel error -y \
    -f lavfi -i "mandelbrot=s=256x144:r=12:end_pts=30:end_scale=0.05" \
    -t 2.5 -map_metadata -1 -metadata title="Into the Mandelbrot Set" \
    -c:v libvpx-vp9 -crf 45 -b:v 0 "Videos/Into the Mandelbrot Set.mkv"

python3 ../make_samples.py
